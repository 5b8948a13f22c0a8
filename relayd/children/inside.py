"""What a child of ours does with itself first: its pipes, its place behind others, its end.

A child must not outlive its parent, however that ended: a thread waits for the hang-up of the
standard input, which the kernel reports even while something is still queued there. (A
parent-death signal would not do: Linux sends it when the *thread* that started the child
ends, and Trio starts processes from short-lived threads.)
"""

import contextlib
import json
import os
import select
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

__all__ = ["Emit", "begin"]

# Where memory runs out, a child goes before its parent does (-1000 … 1000).
OOM_SCORE: Final = 500

# Writes one message to the parent; raises BrokenPipeError where nobody reads.
Emit = Callable[[dict[str, Any]], None]


def begin(niceness: int) -> tuple[BinaryIO, Emit]:
    """Take the pipes, step back behind others, end with the parent. To be called first."""
    commands, results = _take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, args=(commands.fileno(),), daemon=True).start()
    os.nice(niceness)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")

    def emit(message: dict[str, Any]) -> None:
        results.write(json.dumps(message).encode("ascii") + b"\n")
        results.flush()

    return commands, emit


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes for ourselves: what a library prints must not reach the results."""
    commands = os.fdopen(os.dup(0), "rb")
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return commands, results


def _end_with_the_parent(commands: int) -> None:
    """Exit at once when nobody can write to the pipe any more. Runs in a thread."""
    waiting = select.poll()
    waiting.register(commands, 0)
    waiting.poll()
    os._exit(0)
