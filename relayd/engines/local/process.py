"""One recogniser process as the daemon sees it: started, fed with frames, asked for results."""

from typing import Any, Final

import attrs
import trio

from relayd.children.child import REAP_SECONDS, Child, ChildEnded
from relayd.engines.local.frames import Frame
from relayd.engines.local.model import LocalModel
from relayd.errors import UpstreamClosed

__all__ = ["ENDED", "REAP_SECONDS", "RecogniserProcess"]

ENDED: Final = "The local recogniser ended the stream. Connect again to go on."


@attrs.define(eq=False)
class RecogniserProcess:
    """A recogniser process. It serves at most one stream."""

    model: LocalModel
    _child: Child
    # Set for good once a stream has it: when it ends after that, the stream says so.
    lent: bool = False

    @classmethod
    async def start(cls, model: LocalModel) -> "RecogniserProcess":
        """Start a process. Raises OSError."""
        return cls(model, await Child.start(model.command))

    @property
    def process(self) -> trio.Process:
        """The process itself, to be watched."""
        return self._child.process

    @property
    def status(self) -> str:
        """How the process ended, for the operator."""
        return self._child.status

    async def write(self, frame: Frame) -> None:
        """Pass a frame down the pipe; waits while the recogniser is behind.

        When it is cancelled, the frame still goes whole, before the next one: a session that
        is told to end in the middle of a frame can still ask for the last words. One frame is
        the most that can be left over.
        """
        try:
            await self._child.write(frame.encode())
        except ChildEnded as error:
            raise self._closed(error) from error

    async def read(self) -> dict[str, Any]:
        """The next message; cancelling it loses none."""
        try:
            message = await self._child.read()
        except ChildEnded as error:
            raise self._closed(error) from error
        if "failed" in message:
            raise UpstreamClosed(ENDED, f"a recogniser process failed: {message['failed']}")
        return message

    async def kill(self) -> None:
        """End the process and reap it. The caller shields it, for `REAP_SECONDS`."""
        await self._child.kill()

    def _closed(self, error: ChildEnded) -> UpstreamClosed:
        return UpstreamClosed(
            ENDED,
            f"a recogniser process {error}; signal 9 mostly is the kernel"
            f" short of memory (lower {self.model.section}.workers_max), else run `relayd check`",
        )
