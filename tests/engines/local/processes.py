"""What process tests of the engine share: a small pool, transcripts, and a look at /proc."""

from pathlib import Path
from typing import Any

import trio

from relayd import config
from relayd.engines.local.engine import LocalEngine, LocalStream
from relayd.engines.sphinx import SPHINX
from relayd.speech.plan import StreamPlan
from relayd.speech.words import Transcript

__all__ = ["SETTINGS", "alive", "gone", "plan", "transcripts"]

SETTINGS = config.LocalProcesses(workers_max=2, workers_spare=1)


def plan(**asked: Any) -> StreamPlan:
    """The plan of an allowed client config."""
    planned = LocalEngine(SPHINX, None).plan(asked)  # type: ignore[arg-type]  # planning needs no pool
    assert isinstance(planned, StreamPlan), planned
    return planned


async def transcripts(stream: LocalStream) -> list[Transcript]:
    """Every result until the stream's end."""
    with trio.fail_after(30):
        found = []
        while (event := await stream.receive()) is not None:
            if isinstance(event, Transcript):
                found.append(event)
    return found


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie of somebody else's does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


async def gone(*pids: int) -> None:
    """Wait until none of them runs."""
    with trio.fail_after(30):
        await trio.lowlevel.checkpoint()
        while any(map(alive, pids)):  # noqa: ASYNC110 - another program's children: no event
            await trio.sleep(0.02)
