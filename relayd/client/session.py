"""One live session, seen from the app: audio in, messages out, and how it ended.

`open_stream` owns the connection with its tasks; `Stream` is what the app holds. Sending never
raises because the session ended: it answers False, and the reader learns the ending. So an
app's sender and reader can't tear each other down before the last words were read.
"""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio

from relayd.client import messages
from relayd.client.calling import Route, open_link
from relayd.client.errors import DisconnectedError, RefusedError
from relayd.client.link import Deadlines, Link
from relayd.client.transport import Address, Connect, dial

__all__ = ["Ending", "Stream", "open_stream"]

PATH: Final = "/ws/transcribe"
# Audio is a byte stream: where it is cut doesn't matter. 64 KiB is 2 s of 16 kHz linear16,
# and far below the message size that servers accept (1 MiB).
_FRAME_BYTES: Final = 64 * 1024
# Messages read ahead of the app. One is some hundred bytes; a second brings a handful.
_QUEUE_MESSAGES: Final = 32


@attrs.frozen
class Ending:
    """How a session ended.

    ``reason`` is ``completed`` after a stop, else mostly the error's code. The seconds are None
    where the server did not say them, or could not; ``error`` is the fatal error that came
    before, if any.
    """

    reason: str
    seconds_used: float | None
    seconds_remaining: float | None
    close_code: int
    error: messages.Error | None = None


@attrs.define(eq=False)
class Stream:
    """A session that is ready for audio. One task may send and another iterate."""

    ready: messages.Ready
    _link: Link
    _early: deque[messages.Message]
    ending: Ending | None = attrs.field(init=False, default=None)
    _fatal: messages.Error | None = attrs.field(init=False, default=None)
    _end: messages.SessionEnd | None = attrs.field(init=False, default=None)

    async def send(self, audio: bytes) -> bool:
        """Send raw audio; False once the session is over."""
        for start in range(0, len(audio), _FRAME_BYTES):
            if not await self._link.say(bytes(audio[start : start + _FRAME_BYTES])):
                return False
        return self._link.open

    async def finalize(self) -> bool:
        """Ask for the final results of everything sent so far."""
        return await self._link.say(messages.FINALIZE)

    async def keepalive(self) -> bool:
        """Keep the session while no audio flows."""
        return await self._link.say(messages.KEEPALIVE)

    async def acknowledge(self, text: str) -> bool:
        """Say which results arrived: `Resumption.acknowledgement`."""
        return await self._link.say(text)

    async def stop(self) -> bool:
        """No more audio: the last words and the ending follow, within ``finish_seconds``."""
        self._link.expect_end()
        return await self._link.say(messages.STOP)

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> messages.Message:
        """The next message; the session's end stops the iteration and sets ``ending``.

        Raises `DisconnectedError` if the connection broke before that. Cancel-safe.
        """
        message = await self._receive()
        if message is None:
            raise StopAsyncIteration
        return message

    async def _receive(self) -> messages.Message | None:
        if self._early:
            return self._early.popleft()
        if self.ending is not None:
            return None
        while self._end is None:
            try:
                message = messages.parse(await self._link.hear())
            except DisconnectedError as error:
                if self._fatal is None:
                    raise
                # A fatal error is an ending too, where the server said no more than that.
                self.ending = Ending(self._fatal.code, None, None, error.close_code, self._fatal)
                return None
            match message:
                case messages.Unknown():
                    continue
                case messages.SessionEnd():
                    self._end = message
                case messages.Error(fatal=True):
                    self._fatal = message
                    return message
                case _:
                    return message
        self.ending = Ending(
            reason=self._end.reason,
            seconds_used=self._end.seconds_used,
            seconds_remaining=self._end.seconds_remaining,
            close_code=await self._link.close_code(),
            error=self._fatal,
        )
        return self._end


@asynccontextmanager
async def open_stream(
    server_url: str,
    token: str,
    config: Mapping[str, Any] | None = None,
    *,
    deadlines: Deadlines | None = None,
    connect: Connect = dial,
    resume: bool | Mapping[str, Any] = False,
) -> AsyncIterator[Stream]:
    """Connect, sign in with an access token and wait until the server takes audio.

    ``config`` says what the audio is (``encoding``, ``sample_rate``, ``channels``) and what is
    wanted (``language``, ``interim_results``, …). Raises `ConnectError`, `RefusedError` or
    `DisconnectedError`; ValueError for an address that is none. An exception of the caller's
    own block comes out as it is, never in a group. Leaving without `Stream.stop` hangs up.
    ``resume`` is for who goes on after a lost connection by itself: `Resumption.opening`.
    """
    address = Address.parse(server_url)
    route = Route(address, address.prefix + PATH)
    async with open_link(route, deadlines or Deadlines(), connect) as link:
        yield await _sign_in(link, messages.auth(token, config or {}, resume))


async def _sign_in(link: Link, auth: str) -> Stream:
    """Auth message out, `ready` in; a fatal error or an ending instead is a refusal."""
    refusal: messages.Error | None = None
    early: deque[messages.Message] = deque(maxlen=_QUEUE_MESSAGES)
    await link.say(auth)
    with trio.move_on_after(link.deadlines.ready_seconds):
        while True:
            try:
                message = messages.parse(await link.hear())
            except DisconnectedError as error:
                if refusal is None:
                    raise
                raise RefusedError(refusal.code, refusal.message, error.close_code) from error
            match message:
                case messages.Ready():
                    return Stream(message, link=link, early=early)
                case messages.Error(fatal=True):
                    refusal = message
                case messages.SessionEnd():
                    refusal = refusal or messages.Error(message.reason, message.reason, fatal=True)
                case messages.Unknown():
                    pass
                case _:
                    early.append(message)
    raise DisconnectedError(f"the server was not ready within {link.deadlines.ready_seconds:g} s")
