"""``python -m bench.desktop``: what apps embed, in a process of its own, against a relay.

words    how long after a block of sound was given the words of it are called back
cpu      of a core, for one engine that streams blocks of 64 ms
cycles   what so many starts and stops leave behind: threads, sockets, memory
import   how long an app's start waits for it
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from bench.daemon import configuration, running
from bench.stage import stage
from bench.upstream import upstream
from relayd.client import RemoteTranscriptionEngine, State, Transcript

__all__ = ["Words", "main"]

_BYTES_PER_SECOND: Final = 32_000
# A relay's own results come with this much audio.
_RESULT_MS: Final = 250
_BLOCK_MS: Final = {"words": 20, "cpu": 64, "cycles": 64}
_WARM_UP_CYCLES: Final = 50
# Trio's idle threads leave after ten seconds.
_THREADS_SECONDS: Final = 12
_GOALS: Final = {
    "behind_p99_ms": 15.0,
    "cpu_percent": 1.0,
    "threads_left": 0,
    "files_left": 0,
    "mebibytes_left": 1.0,
    "import_ms": 150.0,
}


@attrs.define(eq=False)
class Words:
    """When blocks were given, and how long after each its words came."""

    block_ms: int
    given: list[float] = attrs.field(factory=list)
    behind_ms: list[float] = attrs.field(factory=list)

    def hear(self, text: str, is_final: bool, heard: Transcript) -> None:
        """Called back with words: those of the sound until here."""
        now = time.perf_counter()
        block = -(-round((heard.start + heard.duration) * 1000) // self.block_ms) - 1
        if 0 <= block < len(self.given):
            self.behind_ms.append((now - self.given[block]) * 1000)

    def figures(self) -> dict[str, float]:
        """Median and 99th percentile, the first second left out."""
        settled = self.behind_ms[1000 // _RESULT_MS :]
        return {
            "results": len(settled),
            "behind_p50_ms": round(statistics.median(settled), 2),
            "behind_p99_ms": round(statistics.quantiles(settled, n=100)[98], 2),
        }


def main() -> None:
    """Measure and print; exit code 1 where a figure is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.desktop", description=__doc__)
    parser.add_argument("what", nargs="*", default=["import", *_BLOCK_MS])
    parser.add_argument("--seconds", type=float, default=30, help="of streaming (default: 30)")
    parser.add_argument("--cycles", type=int, default=1000, help="starts and stops (1000)")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(_measure(json.loads(arguments.inside), arguments)))  # noqa: T201 - for the parent
        return
    found = trio.run(_measure_all, arguments)
    missed = False
    for name, value in found.items():
        goal = _GOALS.get(name)
        verdict = "" if goal is None else f"  (at most {goal:g})"
        missed |= goal is not None and value > goal
        sys.stdout.write(f"{name:20} {value:g}{verdict}\n")
    raise SystemExit(missed)


async def _measure_all(arguments: argparse.Namespace) -> dict[str, float]:
    found: dict[str, float] = {}
    if "import" in arguments.what:
        found["import_ms"] = await trio.to_thread.run_sync(_import_ms)
    rest = [one for one in arguments.what if one != "import"]
    if not rest:
        return found
    async with stage() as here, upstream(20, None, result_ms=_RESULT_MS) as engine:
        sections = configuration(here.books, engine.url, {})
        async with running(sections) as daemon:
            for number, what in enumerate(rest):
                order = {
                    "what": what,
                    "server_url": f"http://127.0.0.1:{daemon.port}",
                    "auth_token": here.tokens[number],
                }
                command = [sys.executable, "-m", "bench.desktop", "--inside", json.dumps(order)]
                command += ["--seconds", str(arguments.seconds), "--cycles", str(arguments.cycles)]
                done = await trio.run_process(command, capture_stdout=True)
                found |= json.loads(done.stdout.splitlines()[-1])
    return found


def _import_ms() -> float:
    """The median of seven interpreters, each with the import alone in it."""
    program = (
        "import time; began = time.perf_counter(); import relayd.client as client;"
        "client.RemoteTranscriptionEngine; print((time.perf_counter() - began) * 1000)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout  # noqa: S603 - our own interpreter
        for _ in range(7)
    ]
    return round(statistics.median(map(float, runs)), 1)


def _measure(order: dict[str, str], arguments: argparse.Namespace) -> dict[str, float]:
    what = order.pop("what")
    if what == "cycles":
        return _cycles(order, arguments.cycles)
    words = Words(_BLOCK_MS[what])
    engine = _started(order, words.hear)
    busy, own, began = time.process_time(), time.thread_time(), time.perf_counter()
    giving_seconds = _give(engine, words, arguments.seconds)
    seconds = time.perf_counter() - began
    # What this thread does beside giving sound, sleeping and counting, is no work of the engine's.
    beside_seconds = time.thread_time() - own - giving_seconds
    percent = 100 * (time.process_time() - busy - beside_seconds) / seconds
    engine.stop()
    return words.figures() if what == "words" else {"cpu_percent": round(percent, 2)}


def _started(order: dict[str, str], hear: Callable[..., Any]) -> RemoteTranscriptionEngine:
    listening = threading.Event()

    def stand(state: State, message: str) -> None:
        assert state is not State.ENDED or listening.is_set(), message
        if state is State.LISTENING:
            listening.set()

    engine = RemoteTranscriptionEngine(order, hear, on_state=stand)
    engine.start()
    assert listening.wait(10)
    return engine


def _give(engine: RemoteTranscriptionEngine, words: Words, seconds: float) -> float:
    """Sound at the pace of life; the processor's seconds that giving it took."""
    giving_seconds = 0.0
    block = bytes(_BYTES_PER_SECOND * words.block_ms // 1000)
    began = time.perf_counter()
    for number in range(round(seconds * 1000 / words.block_ms)):
        due = began + number * words.block_ms / 1000
        time.sleep(max(due - time.perf_counter(), 0))
        words.given.append(time.perf_counter())
        before = time.thread_time()
        engine.send_audio(block)
        giving_seconds += time.thread_time() - before
    return giving_seconds


def _cycles(order: dict[str, str], cycles: int) -> dict[str, float]:
    def cycle() -> None:
        engine = _started(order, lambda text: None)
        engine.send_audio(bytes(2048))
        engine.stop()

    for _ in range(_WARM_UP_CYCLES):
        cycle()
    _settle()
    threads, files, memory = _held()
    for _ in range(cycles):
        cycle()
    _settle()
    now = _held()
    return {
        "cycles": cycles,
        "threads_left": now[0] - threads,
        "files_left": now[1] - files,
        "mebibytes_left": round((now[2] - memory) / 2**20, 2),
    }


def _settle() -> None:
    until = time.monotonic() + _THREADS_SECONDS
    while threading.active_count() > 1 and time.monotonic() < until:
        time.sleep(0.2)


def _held() -> tuple[int, int, int]:
    """Threads, open files, resident bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return threading.active_count(), files, pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
