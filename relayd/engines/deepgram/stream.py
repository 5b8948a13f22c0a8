"""One stream of Deepgram's, on the connection that carries it at the moment.

A stream outlives its connection in one case only: Deepgram hangs up on a stream that got no
audio for ten seconds or so, whatever keeps it alive, and an app may well be silent that long
after `ready`. Nothing is lost then, so the connection is opened anew when audio comes.
"""

import contextlib
from collections.abc import Awaitable, Callable

import attrs
import trio

from relayd import config, logs
from relayd.engines.deepgram import errors
from relayd.engines.deepgram.connection import Connection
from relayd.engines.deepgram.errors import Failure
from relayd.engines.deepgram.messages import (
    FINALIZE,
    HeardAudio,
    Metadata,
    Notice,
    UnreadableMessage,
    parse,
)
from relayd.errors import UpstreamError, UpstreamRejected
from relayd.speech.plan import StreamPlan
from relayd.speech.words import Transcript, UpstreamEvent
from relayd.websocket.farewell import WebSocketClosed

__all__ = ["DeepgramStream"]

log = logs.get(__name__)

# Opens a connection for this stream, or says why there is none.
Call = Callable[[], Awaitable[Connection | Failure]]

# Offered an event, whether it is taken.
Take = Callable[[UpstreamEvent], bool]


def _no_event(event: UpstreamEvent) -> bool:
    return False


@attrs.define(eq=False)
class DeepgramStream:
    """One open stream; `relayd.speech.engine.Upstream`."""

    settings: config.Deepgram
    plan: StreamPlan
    call: Call
    _connection: Connection = attrs.field(init=False)
    _heard: HeardAudio = attrs.field(init=False)
    # Whom `receive` offers events to.
    _take: Take = _no_event
    # An event whose taker had no room for it.
    _refused: UpstreamEvent | None = None
    _audio_sent: bool = False
    _finishing: bool = False
    _told: bool = False
    # Set when a stream that waits for its first audio goes on, or has to end.
    _stirred: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self._heard = HeardAudio(self.plan.format.billed_channels)

    async def connect(self) -> None:
        """Open a connection under the engine's deadline."""
        seconds = self.settings.open_seconds
        found: Connection | Failure = errors.too_slow(seconds)
        with trio.move_on_after(seconds):
            found = await self.call()
        if isinstance(found, Failure):
            raise self._tell(found)
        self.release()
        self._connection = found

    async def send_audio(self, audio: bytes) -> None:
        """Pass audio on, in order."""
        if not audio:
            return  # As a frame it would end the stream.
        if not self._audio_sent:
            if self._connection.closed and not self._undecodable():
                await self.connect()
                self._stir()
            self._audio_sent = True
        await self._send(audio)

    def send_audio_at_once(self, audio: bytes) -> bool:
        """Pass audio on if that needs no waiting; False where nothing was sent."""
        return self._audio_sent and bool(audio) and self._connection.send_at_once(audio)

    async def finalize(self) -> None:
        """Ask for the results of everything sent so far."""
        if self._audio_sent:
            await self._send(FINALIZE)

    async def finish(self) -> None:
        """No more audio: the rest of the results, then the end."""
        self._finishing = True
        self._stir()
        if not self._connection.closed:
            try:
                await self._connection.finish()
            except WebSocketClosed as closed:
                raise self._tell(self._connection.explain()) from closed

    async def receive(self, take: Take = _no_event) -> UpstreamEvent | None:
        """Return the next event that isn't taken; None once the stream ended as it should."""
        while True:
            connection = self._connection
            self._take = take
            try:
                await connection.receive(self._hear)
            except WebSocketClosed as closed:
                if connection is not self._connection:
                    continue
                if self._over():
                    return None
                if self._audio_sent or self._undecodable():
                    raise self._tell(self._connection.explain()) from closed
                await self._stirred.wait()
                continue
            event, self._refused = self._refused, None
            return event

    @property
    def reported_ms(self) -> int | None:
        """Deepgram's figure of the audio it heard; final once the context was left."""
        return self._heard.milliseconds

    async def close(self) -> None:
        """Say goodbye where the stream was not finished."""
        await self._connection.close(self._overhear)

    async def drain(self) -> None:
        """Read what came before the end: Deepgram states its total before it hangs up."""
        if not hasattr(self, "_connection") or not self._connection.closed:
            return
        with contextlib.suppress(WebSocketClosed):
            await self._connection.receive(self._overhear)

    def release(self) -> None:
        """Nothing of the connection is left."""
        if hasattr(self, "_connection"):
            self._connection.release()

    async def _send(self, message: str | bytes) -> None:
        try:
            await self._connection.send(message)
        except WebSocketClosed as closed:
            raise self._tell(self._connection.explain()) from closed

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = trio.Event()

    def _over(self) -> bool:
        """Whether this end is the one that was asked for."""
        if not self._finishing:
            return False
        return self._connection.orderly or self._heard.total is not None or not self._audio_sent

    def _undecodable(self) -> bool:
        """Whether it would only be refused again."""
        return isinstance(self._connection.explain().error, UpstreamRejected)

    def _hear(self, raw: str | bytes) -> bool:
        """Pass on what a message says, if it says something and there is room for it."""
        event, take = self._note(raw), self._take
        if event is None or take(event):
            return True
        self._refused = event
        return False

    def _overhear(self, raw: str | bytes) -> bool:
        """Take what is still said: its figures count, its words come too late."""
        self._note(raw)
        return True

    def _note(self, raw: str | bytes) -> UpstreamEvent | None:
        message = parse(raw)
        self._heard.note(message)
        if isinstance(message, Transcript):
            # Nearly always.
            return message
        if isinstance(message, Notice):
            log.warning(
                "deepgram said",
                kind=message.kind,
                variant=message.variant,
                text=message.description,
                request=self._connection.request_id,
            )
        elif isinstance(message, UnreadableMessage):
            log.debug(
                "deepgram message passed over",
                problem=message.problem,
                request=self._connection.request_id,
            )
        elif not isinstance(message, Metadata):
            return message
        return None

    def _tell(self, failure: Failure) -> UpstreamError:
        """Tell the operator, once a stream; the error is for the session."""
        # The hint quotes the other end, which may quote us.
        hint = failure.error.hint.replace(self.settings.api_key.reveal() or "\0", "***")
        if not self._told:
            self._told = True
            request_id = failure.request_id or (
                self._connection.request_id if hasattr(self, "_connection") else ""
            )
            tell = log.error if failure.alarming else log.warning
            tell("deepgram stream failed", problem=hint, request=request_id)
        # Two tasks may hear of one failure; each gets an exception of its own.
        return failure.error.hinting(hint)
