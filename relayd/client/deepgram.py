"""Deepgram itself at the other end of a stream, with the user's own key: no relay is in between.

What is sent, and what the answers mean, is what the server knows of Deepgram. A stream here is
used as a `relayd.client.session.Stream` is.
"""

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs

from relayd.client import messages
from relayd.client.calling import Route, Turned, open_link
from relayd.client.errors import ClientError, ConnectError, DisconnectedError, RefusedError
from relayd.client.link import Deadlines, Link
from relayd.client.session import Ending
from relayd.client.transport import Address, Connect, dial
from relayd.engines.deepgram import errors
from relayd.engines.deepgram import messages as wire
from relayd.errors import UpstreamRejected
from relayd.speech import options, words
from relayd.speech.plan import ConfigRefusal

__all__ = ["MODEL", "URL", "DeepgramStream", "open_deepgram"]

URL: Final = "https://api.deepgram.com"
# Where nothing else is asked for.
MODEL: Final = "nova-3"
# Who pays decides: every option that Deepgram has for live audio.
_POLICY: Final = options.StreamPolicy(MODEL, paid_features=options.PAID_OPTIONS)
_BAD_CONFIG: Final = "bad_config"

# By the status of a refused upgrade: a code of the relay's protocol, and words for people.
# Source of the statuses: Deepgram's pages "Errors" and "API rate limits".
_REFUSALS: Final = {
    401: ("auth_failed", "Deepgram doesn't know this key. Copy it again from its console."),
    402: ("insufficient_credits", "The credit of your Deepgram project is used up."),
    403: (_BAD_CONFIG, "Your Deepgram project may not use this model. Choose another one."),
    429: ("too_many_sessions", "Your Deepgram project has too many streams open at once."),
}
_CLOSE_CODES: Final = {"auth_failed": 4401, "insufficient_credits": 4402, "too_many_sessions": 4429}


@attrs.define(eq=False)
class DeepgramStream:
    """An open stream. One task may send and another iterate."""

    ready: messages.Ready
    _link: Link
    ending: Ending | None = attrs.field(init=False, default=None)
    _heard_seconds: float | None = attrs.field(init=False, default=None)
    _stopping: bool = attrs.field(init=False, default=False)

    async def send(self, audio: bytes) -> bool:
        """Send raw audio; False once the stream is over."""
        # An empty frame would end the stream.
        return await self._link.say(bytes(audio)) if audio else self._link.open

    async def finalize(self) -> bool:
        """Ask for the final results of everything sent so far."""
        return await self._link.say(wire.FINALIZE)

    async def keepalive(self) -> bool:
        """Keep the stream while no audio flows."""
        return await self._link.say(wire.KEEP_ALIVE)

    async def stop(self) -> bool:
        """No more audio: the last words follow, within ``finish_seconds``."""
        self._stopping = True
        self._link.expect_end()
        return await self._link.say(wire.CLOSE_STREAM)

    def __aiter__(self) -> "DeepgramStream":
        return self

    async def __anext__(self) -> messages.Message:
        """The next message; the stream's end stops the iteration and sets ``ending``.

        Raises `DisconnectedError` if the connection broke, `RefusedError` if Deepgram can't
        decode the audio. Cancel-safe.
        """
        while True:
            try:
                heard = wire.parse(await self._link.hear())
            except DisconnectedError as error:
                self._conclude(error)
                raise StopAsyncIteration from error
            if isinstance(heard, wire.Metadata):
                self._heard_seconds = heard.duration
            elif isinstance(heard, words.Transcript):
                return _transcript(heard)
            elif isinstance(heard, words.SpeechStarted):
                return messages.SpeechStarted(heard.timestamp)
            elif isinstance(heard, words.UtteranceEnd):
                return messages.UtteranceEnd(heard.last_word_end)

    def _conclude(self, error: DisconnectedError) -> None:
        """Take the end of the connection for the stream's, if that was asked for."""
        orderly = error.close_code == 1000 or self._heard_seconds is not None  # noqa: PLR2004 - RFC 6455's
        if self._stopping and orderly:
            self.ending = Ending("completed", self._heard_seconds, None, error.close_code)
            return
        why = errors.closed(error.close_code, str(error)).error
        if isinstance(why, UpstreamRejected):
            raise RefusedError(_BAD_CONFIG, why.message, error.close_code) from error
        raise error


@asynccontextmanager
async def open_deepgram(
    key: str,
    config: Mapping[str, Any] | None = None,
    *,
    url: str = URL,
    deadlines: Deadlines | None = None,
    connect: Connect = dial,
) -> AsyncIterator[DeepgramStream]:
    """Open a stream with a key of Deepgram's; ``config`` is as for `open_stream`.

    Raises `ConnectError`, `RefusedError` or `DisconnectedError`; ValueError for an address that
    is none. The key is sent encrypted, or to this machine only.
    """
    address = Address.parse(url)
    if address.exposed:
        raise ValueError("a key is sent to https:// or wss:// addresses only")
    if not key or not (key.isascii() and key.isprintable() and " " not in key):
        raise RefusedError("auth_failed", "This is no key of Deepgram's.", 4401)
    plan = options.parse(dict(config or {}), _POLICY)
    if isinstance(plan, ConfigRefusal):
        raise RefusedError(_BAD_CONFIG, plan.message, 4400)
    route = Route(
        address,
        f"{address.prefix}/v1/listen?{wire.query(plan)}",
        ((b"Authorization", b"Token " + key.encode()),),
        _refused,
    )
    async with open_link(route, deadlines or Deadlines(), connect) as link:
        yield DeepgramStream(messages.Ready("", "deepgram", plan.model, math.inf), link=link)


def _refused(turned: Turned) -> ClientError:
    """Why Deepgram opens no stream, for the owner of the key."""
    status = turned.status_code
    if status in _REFUSALS:
        code, told = _REFUSALS[status]
        return RefusedError(code, told, _CLOSE_CODES.get(code, 4400))
    why = errors.refused(status, tuple(turned.headers), turned.body).error
    if isinstance(why, UpstreamRejected):
        return RefusedError(_BAD_CONFIG, why.message, 4400)
    return ConnectError(f"Deepgram answers with status {status}: try again shortly")


def _transcript(heard: words.Transcript) -> messages.Transcript:
    return messages.Transcript(
        text=heard.text,
        is_final=heard.is_final,
        speech_final=heard.speech_final,
        confidence=heard.confidence,
        start=heard.start,
        duration=heard.duration,
        words=tuple(
            messages.Word(
                one.word, one.start, one.end, one.confidence, one.punctuated_word, one.speaker
            )
            for one in heard.words
        ),
        channel=heard.channel,
        from_finalize=heard.from_finalize,
    )
