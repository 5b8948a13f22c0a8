"""One recogniser process as the daemon sees it: started, written to, read from, killed."""

import os
import subprocess
from typing import Any, Final

import attrs
import trio

from relayd.engines.local.frames import Frame, Lines
from relayd.engines.local.model import LocalModel
from relayd.errors import UpstreamClosed

__all__ = ["ENDED", "REAP_SECONDS", "Worker"]

# From SIGKILL to the process being reaped; only one stuck in the kernel takes longer.
REAP_SECONDS: Final = 2

READ_BYTES: Final = 64 * 1024

ENDED: Final = "The local recogniser ended the stream. Connect again to go on."


@attrs.define(eq=False)
class Worker:
    """A recogniser process and both ends of its pipes. It serves at most one stream."""

    model: LocalModel
    process: trio.Process
    commands: trio.lowlevel.FdStream
    results: trio.lowlevel.FdStream
    # Set for good once a stream has it: when it ends after that, the stream says so.
    lent: bool = False
    _unwritten: bytearray = attrs.field(factory=bytearray)
    _lines: Lines = attrs.field(factory=Lines)

    @classmethod
    async def start(cls, model: LocalModel) -> "Worker":
        """Start a process, in a session of its own: a terminal's Ctrl-C is the daemon's affair.

        relayd's own variables hold secrets that a decoder has no use for. Raises OSError.
        Cancelling it does not lose a process: Trio waits for the thread that starts it.
        """
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RELAYD_")}
        process = await trio.lowlevel.open_process(
            model.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )
        assert isinstance(process.stdin, trio.lowlevel.FdStream)
        assert isinstance(process.stdout, trio.lowlevel.FdStream)
        return cls(model, process, process.stdin, process.stdout)

    async def write(self, frame: Frame) -> None:
        """Pass a frame down the pipe; waits while the recogniser is behind.

        When it is cancelled, the frame still goes whole, before the next one: a session that
        is told to end in the middle of a frame can still ask for the last words. One frame is
        the most that can be left over.
        """
        await trio.lowlevel.checkpoint()
        self._unwritten += frame.encode()
        try:
            while self._unwritten:
                try:
                    written = os.write(self.commands.fileno(), self._unwritten)
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self.commands.fileno())
                else:
                    del self._unwritten[:written]
        except (OSError, trio.ClosedResourceError) as error:
            raise await self._ended() from error

    async def read(self) -> dict[str, Any]:
        """The next message; cancelling it loses none."""
        await trio.lowlevel.checkpoint()
        try:
            while (message := self._lines.next()) is None:
                chunk = await self.results.receive_some(READ_BYTES)
                if not chunk:
                    raise await self._ended()
                self._lines.feed(chunk)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            # Closed: the keeper saw the process end, and was here first.
            raise await self._ended() from error
        except ValueError as error:
            raise UpstreamClosed(ENDED, "a recogniser process wrote what is no message") from error
        if "failed" in message:
            raise UpstreamClosed(ENDED, f"a recogniser process failed: {message['failed']}")
        return message

    async def kill(self) -> None:
        """End the process and reap it. The caller shields it, for `REAP_SECONDS`."""
        self.process.kill()
        self.commands.close()
        self.results.close()
        await self.process.wait()

    @property
    def status(self) -> str:
        """How the process ended, for the operator."""
        code = self.process.returncode
        if code is None:
            return "still running"
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    async def _ended(self) -> UpstreamClosed:
        with trio.move_on_after(REAP_SECONDS):
            await self.process.wait()
        return UpstreamClosed(
            ENDED,
            f"a recogniser process ended by itself ({self.status}); signal 9 mostly is the kernel"
            f" short of memory (lower {self.model.section}.workers_max), else run `relayd check`",
        )
