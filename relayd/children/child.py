"""One child process as its parent sees it: started, written to, read from, killed."""

import os
import subprocess
from collections.abc import Sequence
from typing import Any, Final

import attrs
import trio

from relayd.children.lines import Lines

__all__ = ["REAP_SECONDS", "Child", "ChildEnded"]

# From SIGKILL to the process being reaped; only one stuck in the kernel takes longer.
REAP_SECONDS: Final = 2

READ_BYTES: Final = 64 * 1024


class ChildEnded(Exception):  # noqa: N818 - named for what happened, as trio names its own
    """The process ended by itself, or wrote what is no message; the text says how."""


@attrs.define(eq=False)
class Child:
    """A process and both ends of its pipes."""

    process: trio.Process
    # In quotes: Windows has none, and a client there imports this file all the same.
    _commands: "trio.lowlevel.FdStream"
    _results: "trio.lowlevel.FdStream"
    _unwritten: bytearray = attrs.field(factory=bytearray)
    _lines: Lines = attrs.field(factory=Lines)

    @classmethod
    async def start(cls, command: Sequence[str]) -> "Child":
        """Start a process, in a session of its own: a terminal's Ctrl-C is the parent's affair.

        relayd's own variables hold secrets that it has no use for. Raises OSError.
        Cancelling it does not lose a process: Trio waits for the thread that starts it.
        """
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RELAYD_")}
        process = await trio.lowlevel.open_process(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )
        assert isinstance(process.stdin, trio.lowlevel.FdStream)
        assert isinstance(process.stdout, trio.lowlevel.FdStream)
        return cls(process, process.stdin, process.stdout)

    async def write(self, data: bytes) -> None:
        """Pass data down the pipe; waits while the child is behind. Raises ChildEnded.

        When it is cancelled, the rest still goes before what is written next, so that no message
        is cut in the middle.
        """
        await trio.lowlevel.checkpoint()
        self._unwritten += data
        try:
            while self._unwritten:
                try:
                    written = os.write(self._commands.fileno(), self._unwritten)
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._commands.fileno())
                else:
                    del self._unwritten[:written]
        except (OSError, trio.ClosedResourceError) as error:
            raise await self._ended() from error

    async def read(self) -> dict[str, Any]:
        """The next message; cancelling it loses none. Raises ChildEnded."""
        await trio.lowlevel.checkpoint()
        try:
            while (message := self._lines.next()) is None:
                chunk = await self._results.receive_some(READ_BYTES)
                if not chunk:
                    raise await self._ended()
                self._lines.feed(chunk)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            # Closed: whoever watches the process saw it end, and was here first.
            raise await self._ended() from error
        except ValueError as error:
            raise ChildEnded("wrote what is no message") from error
        return message

    async def kill(self) -> None:
        """End the process and reap it. The caller shields it, for `REAP_SECONDS`."""
        self.process.kill()
        self._commands.close()
        self._results.close()
        await self.process.wait()

    @property
    def status(self) -> str:
        """How the process ended, for the operator."""
        code = self.process.returncode
        if code is None:
            return "still running"
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    async def _ended(self) -> ChildEnded:
        with trio.move_on_after(REAP_SECONDS):
            await self.process.wait()
        return ChildEnded(f"ended by itself ({self.status})")
