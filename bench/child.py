"""Processes of the benchmark's own: lines of JSON over pipes, and an end for each of them."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio

__all__ = ["Child", "child", "module"]

_ANSWER_SECONDS: Final = 60
_END_SECONDS: Final = 5


@attrs.define(eq=False)
class Child:
    """A process that answers each line with a line."""

    process: trio.Process
    _left: bytes = b""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def ask(self, line: str) -> dict[str, Any]:
        """Say a line and wait for the answer."""
        await self.tell(line)
        return await self.hear()

    async def tell(self, line: str) -> None:
        """Say a line."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(line.encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        """The next line it says."""
        assert self.process.stdout is not None
        while b"\n" not in self._left:
            try:
                with trio.fail_after(_ANSWER_SECONDS):
                    data = await self.process.stdout.receive_some()
            except trio.TooSlowError:
                silent = f"{self.process.args!r} said nothing for {_ANSWER_SECONDS} s"
                raise RuntimeError(silent) from None
            if not data:
                raise RuntimeError(f"{self.process.args!r} ended without an answer")
            self._left += data
        line, _, self._left = self._left.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def child(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """A process while entered, with these variables added to its environment."""
    process = await trio.lowlevel.open_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield Child(process)
    finally:
        process.kill()
        with trio.move_on_after(_END_SECONDS, shield=True):
            await process.wait()


def module(name: str, *arguments: str) -> list[str]:
    """The command of a Python module."""
    return [sys.executable, "-m", name, *arguments]
