"""The recogniser process by itself, with its decoder or its stream replaced."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from relayd.children.lines import Lines
from relayd.engines.local.frames import Frame, FrameKind
from relayd.engines.local.worker import NICENESS

pytestmark = pytest.mark.system

PREPARED = """
import os, sys, time
from relayd.engines.local import worker
{}
sys.exit(worker.main(load))
"""


@asynccontextmanager
async def prepared(change: str) -> AsyncIterator[trio.Process]:
    """A recogniser process in which something was replaced."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-c", PREPARED.format(change)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with trio.fail_after(10):
            yield process
    finally:
        process.kill()
        with trio.move_on_after(5, shield=True):
            await process.wait()
            await process.stdin.aclose()
            await process.stdout.aclose()


async def first_message(process: trio.Process) -> object:
    """The first line that it writes."""
    assert process.stdout is not None
    lines = Lines()
    while (message := lines.next()) is None:
        chunk = await process.stdout.receive_some()
        assert chunk, "it ended without a word"
        lines.feed(bytes(chunk))
    return message


async def test_it_ends_with_the_daemon_even_while_it_is_busy() -> None:
    """The end of the pipe is noticed although nobody reads from it."""
    async with prepared("load = lambda: time.sleep(60)") as process:
        assert process.stdin is not None
        await process.stdin.send_all(Frame(FrameKind.AUDIO, bytes(32_000)).encode())
        await process.stdin.aclose()

        assert await process.wait() == 0


async def test_a_decoder_that_never_returns_is_ended_by_the_kernel() -> None:
    """No Python needs to run for it: the decoder may hold the interpreter's lock."""
    change = (
        "load = lambda: None; worker.WEDGED_SECONDS = 0.1;"
        "worker.Recognition.start = lambda *_: time.sleep(60)"
    )
    async with prepared(change) as process:
        assert process.stdin is not None
        await process.stdin.send_all(Frame(FrameKind.START, b"{}").encode())

        assert await process.wait() == -signal.SIGALRM


async def test_what_a_library_prints_is_no_result() -> None:
    """Only messages stand in the results, whoever writes to the standard output."""
    async with prepared("load = lambda: os.write(1, b'hello\\n')") as process:
        assert await first_message(process) == {"ready": True}


async def test_a_failure_is_said_before_the_end() -> None:
    """The daemon's log can name what is wrong with the model."""
    async with prepared("load = lambda: 1 / 0") as process:
        assert await first_message(process) == {"failed": "ZeroDivisionError: division by zero"}
        assert await process.wait() == 1


async def test_it_yields_to_the_relaying_of_audio() -> None:
    """Decoding is niced."""
    async with prepared("load = lambda: None") as process:
        await first_message(process)

        niceness = os.getpriority(os.PRIO_PROCESS, process.pid)
        assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
