"""One stream of Deepgram's, on the connection that carries it at the moment.

A stream outlives its connection in one case only: Deepgram hangs up on a stream that got no
audio for ten seconds or so, whatever keeps it alive, and an app may well be silent that long
after `ready`. Nothing is lost then, so the connection is opened anew when audio comes.
"""

from collections.abc import Awaitable, Callable

import attrs
import trio

from relayd import config, logs
from relayd.engines.deepgram import errors
from relayd.engines.deepgram.connection import Connection
from relayd.engines.deepgram.errors import Failure
from relayd.engines.deepgram.messages import (
    FINALIZE,
    Heard,
    Metadata,
    Notice,
    Unreadable,
    parse,
)
from relayd.engines.deepgram.websocket import Ended
from relayd.errors import UpstreamError, UpstreamRejected
from relayd.speech.plan import StreamPlan
from relayd.speech.words import UpstreamEvent

__all__ = ["DeepgramStream"]

log = logs.get(__name__)

# Opens and carries one connection, in the task it is started in.
Hold = Callable[..., Awaitable[None]]


@attrs.define(eq=False)
class DeepgramStream:
    """One open stream; `relayd.speech.engine.Upstream`."""

    settings: config.Deepgram
    plan: StreamPlan
    nursery: trio.Nursery
    hold: Hold
    _connection: Connection = attrs.field(init=False)
    _heard: Heard = attrs.field(init=False)
    _audio_sent: bool = False
    _finishing: bool = False
    _told: bool = False
    # Set when a stream that waits for its first audio goes on, or has to end.
    _stirred: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self._heard = Heard(self.plan.format.billed_channels)

    async def connect(self) -> None:
        """Open a connection under the engine's deadline."""
        seconds = self.settings.open_seconds
        found: Connection | Failure = errors.too_slow(seconds)
        with trio.move_on_after(seconds):
            found = await self.nursery.start(self.hold)
        if isinstance(found, Failure):
            raise self._tell(found)
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
            except Ended as ended:
                raise self._tell(self._connection.explain()) from ended

    async def receive(self) -> UpstreamEvent | None:
        """Return the next event; None once the stream ended as it should."""
        while True:
            connection = self._connection
            try:
                raw = await connection.receive()
            except Ended as ended:
                if connection is not self._connection:
                    continue
                if self._over():
                    return None
                if self._audio_sent or self._undecodable():
                    raise self._tell(self._connection.explain()) from ended
                await self._stirred.wait()
                continue
            event = self._note(raw)
            if event is not None:
                return event

    @property
    def reported_ms(self) -> int | None:
        """Deepgram's figure of the audio it heard; final once the context was left."""
        return self._heard.milliseconds

    async def close(self) -> None:
        """Say goodbye where the stream was not finished."""
        await self._connection.close(self.settings.close_seconds)

    async def drain(self) -> None:
        """Read what came before the end: Deepgram states its total before it hangs up."""
        if not hasattr(self, "_connection") or not self._connection.closed:
            return
        try:
            while True:
                self._note(await self._connection.receive())
        except Ended:
            return

    async def _send(self, message: str | bytes) -> None:
        try:
            await self._connection.send(message)
        except Ended as ended:
            raise self._tell(self._connection.explain()) from ended

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = trio.Event()

    def _over(self) -> bool:
        """Whether this end is the one that was asked for."""
        if not self._finishing:
            return False
        reason = self._connection.websocket.closed
        orderly = reason is not None and reason.code == 1000  # noqa: PLR2004  RFC 6455's "normal"
        return orderly or self._heard.total is not None or not self._audio_sent

    def _undecodable(self) -> bool:
        """Whether it would only be refused again."""
        return isinstance(self._connection.explain().error, UpstreamRejected)

    def _note(self, raw: str | bytes) -> UpstreamEvent | None:
        message = parse(raw)
        self._heard.note(message)
        request_id = self._connection.request_id
        match message:
            case Metadata():
                return None
            case Notice(kind, variant, description):
                log.warning(
                    "deepgram said",
                    kind=kind,
                    variant=variant,
                    text=description,
                    request=request_id,
                )
                return None
            case Unreadable(problem):
                log.debug("deepgram message passed over", problem=problem, request=request_id)
                return None
            case _:
                return message

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
        return type(failure.error)(failure.error.message, hint)
