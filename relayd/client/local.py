"""An engine on this machine, used as a `relayd.client.session.Stream` is, for nothing.

It runs in a process of its own, the same that a relay runs for an engine of its machine. Unix only.
"""

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio

from relayd.children.child import REAP_SECONDS, Child, ChildEnded
from relayd.client import messages
from relayd.client.errors import DisconnectedError
from relayd.client.machine import MachineEngine
from relayd.client.session import Ending
from relayd.engines.local.frames import Frame, FrameKind
from relayd.speech.formats import AudioFormat

__all__ = ["LocalStream", "open_local"]

_FORMAT: Final = AudioFormat()
_LOADING_SECONDS: Final = 30
# Where a machine is this far behind, it never catches up.
_WRITE_SECONDS: Final = 15


@attrs.define(eq=False)
class LocalStream:
    """A recogniser that listens. One task may send and another iterate."""

    ready: messages.Ready
    _child: Child
    ending: Ending | None = attrs.field(init=False, default=None)

    async def send(self, audio: bytes) -> bool:
        """Give raw audio; False where the recogniser is gone, or hopelessly behind."""
        for frame in Frame.cut(audio):
            if not await self._say(frame):
                return False
        return True

    async def keepalive(self) -> bool:
        """It waits as long as one likes."""
        await trio.lowlevel.checkpoint()
        return self.ending is None

    async def stop(self) -> bool:
        """No more audio: the last words follow."""
        return await self._say(Frame(FrameKind.FINISH))

    def __aiter__(self) -> "LocalStream":
        return self

    async def __anext__(self) -> messages.Message:
        """The next words. Raises `DisconnectedError` if the recogniser ended. Cancel-safe."""
        while self.ending is None:
            told = await _told(self._child)
            if "end" in told:
                self.ending = Ending("completed", None, None, 1000)
            elif "text" in told.get("result", ()):
                # It says what a relay would, without the name of the message.
                return messages.parse(json.dumps({"type": "transcript", **told["result"]}))
        raise StopAsyncIteration

    async def _say(self, frame: Frame) -> bool:
        try:
            with trio.fail_after(_WRITE_SECONDS):
                await self._child.write(frame.encode())
        except (ChildEnded, trio.TooSlowError):
            return False
        return True


@asynccontextmanager
async def open_local(engine: MachineEngine) -> AsyncIterator[LocalStream]:
    """Start an engine of `relayd.client.machine.chosen`; leaving ends it.

    Raises `DisconnectedError` where it does not start.
    """
    try:
        child = await Child.start(engine.command)
    except OSError as error:
        raise DisconnectedError(f"the engine does not start: {error.strerror}") from error
    try:
        await _begin(child)
        yield LocalStream(messages.Ready("", engine.name, engine.name, math.inf), child)
    finally:
        with trio.move_on_after(REAP_SECONDS, shield=True):
            await child.kill()


async def _begin(child: Child) -> None:
    """Wait until its model is loaded, and tell what comes."""
    order: dict[str, Any] = {"format": attrs.asdict(_FORMAT), "listening": {}}
    with trio.move_on_after(_LOADING_SECONDS) as loading:
        await _told(child)
        await child.write(Frame(FrameKind.START, json.dumps(order).encode()).encode())
    if loading.cancelled_caught:
        raise DisconnectedError(f"the engine was not ready within {_LOADING_SECONDS} s")


async def _told(child: Child) -> dict[str, Any]:
    try:
        told = await child.read()
    except ChildEnded as error:
        raise DisconnectedError(f"the engine {error}") from error
    if "failed" in told:
        raise DisconnectedError(f"the engine failed: {told['failed']}")
    return told
