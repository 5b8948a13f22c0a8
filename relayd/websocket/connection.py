"""One end of an open WebSocket, in either role: what RFC 6455 asks of it, and its deadlines.

Messages are offered to whoever receives, within the call that reads them; the receiving task wakes
only for what isn't taken. Pongs and the answer to a close go out by themselves. While nobody
receives, nothing is read, so a reader that is behind holds the peer back.
"""

import functools
from collections.abc import Callable
from contextlib import suppress

import attrs
import trio

from relayd.websocket.decoder import Bounds, Decoder, Ended
from relayd.websocket.farewell import Cause, Farewell, WebSocketClosed, tell
from relayd.websocket.frames import ABNORMAL, close_frame, data_frame, ping_frame
from relayd.websocket.ports import Wire
from relayd.websocket.pump import Pump
from relayd.websocket.role import GRACE_SECONDS, LAST_WORDS_SECONDS, Role, Timeouts
from relayd.websocket.streams import linger_seconds
from relayd.websocket.take import (
    TURN_MESSAGES,
    Take,
    announcing,
    any_message,
    last_messages,
    no_message,
)
from relayd.websocket.wires import wire_of

__all__ = ["WebSocket"]


@attrs.define(eq=False)
class WebSocket:
    """An open connection. ``early`` is what came together with the handshake.

    One task receives; any may send. Messages are sent whole and in order.
    """

    stream: trio.abc.Stream
    role: Role
    pump: Pump
    bounds: Bounds
    timeouts: Timeouts
    early: bytes = b""
    # How the peer's half ended; None while it is open.
    farewell: Farewell | None = None
    # Whether what we send is masked.
    _masked: bool = attrs.field(init=False)
    _wire: Wire = attrs.field(init=False)
    _decoder: Decoder = attrs.field(init=False)
    # What to offer messages to; None while nobody receives.
    _take: Take | None = None
    # Offered and not taken: what `receive` returns, or raises.
    _parked: str | bytes | None = None
    _fault: Exception | None = None
    # Whoever waits for something to change here.
    _waiting: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)
    _callbacks: tuple[Callable[[], object], ...] = ()
    # Our close frame is out, or on its way.
    _closing: bool = False
    # What still comes is heard by whoever ends the connection.
    _reading_to_end: bool = False
    # The peer's half is over, and it is being told so.
    _departing: bool = False
    # Nothing more can be read.
    _ended: bool = False
    _released: bool = False
    # For the beats. Whether anything came since the last one, and since when nothing did.
    _heard: bool = True
    _heard_at: float = 0
    _pinged_at: float | None = None
    _hung_up_at: float | None = None
    # 0: nobody receives; 1: somebody began to; 2: and was still waiting at a beat.
    _receiving: int = 0

    def __attrs_post_init__(self) -> None:
        self._masked = self.role is Role.CLIENT
        self._decoder = Decoder(self.bounds, masked=not self._masked)
        self._wire = wire_of(self.stream, self.pump, self)
        self.pump.keepalive.join(self)
        self._decoder.feed(self.early)
        self.early = b""

    @property
    def closed(self) -> bool:
        """Whether it is over, or our close is under way."""
        return self.farewell is not None or self._closing

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call back once when the peer ended it; at once if it did already."""
        if self.farewell is not None:
            callback()
        else:
            self._callbacks += (callback,)

    def expect(self, come: Callable[[], object]) -> None:
        """Call back once a stranger's first message is there to receive, or its end; or twice."""
        self._decoder.strange = True
        self._take = announcing(come)
        self._receiving = 1
        self.on_end(come)
        # More frames that came early than one turn works on are for a task.
        if self.go_on():
            come()
        elif self._take is not None:
            self._wire.listen()

    def expect_no_more(self) -> None:
        """Offer nothing, read nothing: until somebody receives."""
        self._take = None
        self._receiving = 0
        self._wire.reading = self._departing
        self._waiting.unpark_all()

    async def receive(self, take: Take = no_message, *, strange: bool = False) -> str | bytes:
        """Offer each message to ``take``; return the first that it doesn't take.

        Raises `WebSocketClosed`, and what ``take`` raised. Cancelling it loses nothing. A peer that
        may be anybody (``strange``) gets less of everything.
        """
        if self._reading_to_end:
            raise self._closed()
        self._decoder.strange = strange
        return await self._receive(take)

    async def _receive(self, take: Take) -> str | bytes:
        assert self._take is None, "one task receives"
        self._take = take
        self._receiving = 1
        self._hung_up_at = None
        try:
            return await self._next_refused()
        finally:
            self.expect_no_more()

    async def _next_refused(self) -> str | bytes:
        more = self.go_on()
        while self._parked is None:
            if self.farewell is not None:
                raise WebSocketClosed(self.farewell.reason or "closed")
            if more:
                await trio.lowlevel.checkpoint()
            else:
                self._wire.listen()
                await self._waiting.park()
            more = self.go_on()
        if self._fault is not None:
            raise self._fault
        message, self._parked = self._parked, None
        # One that was there already took no waiting: let others run, or a packed read starves them.
        await trio.lowlevel.cancel_shielded_checkpoint()
        return message

    def send_at_once(self, message: str | bytes) -> bool:
        """Send one message if that needs no waiting; False where nothing was sent."""
        # Pongs that are due go first.
        if self._closing or self.farewell is not None or self._decoder.answers_due:
            return False
        return self._wire.send_at_once(data_frame(message, masked=self._masked))

    async def send(self, message: str | bytes) -> None:
        """Send one message. Raises `WebSocketClosed`; one that is cancelled ends the connection."""
        if self.closed:
            raise self._closed()
        self._wire.push(data_frame(message, masked=self._masked))
        await self._drain()

    async def _drain(self) -> None:
        """Wait until all that was pushed is out, under the deadline of a send."""
        wire, drained = self._wire, False
        try:
            with trio.move_on_after(self.timeouts.send_seconds):
                await trio.lowlevel.checkpoint()
                while wire.waiting_since is not None:
                    await self._waiting.park()
                drained = True
        finally:
            if not drained:
                # Half a frame may be out: nothing sensible can follow.
                self._abandon(Cause.STALLED, "does not read")
        if not wire.broken:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        if self.farewell is None:
            # Why is what stands before the end of what can be read.
            with trio.move_on_after(LAST_WORDS_SECONDS):
                await self._read_to_end(any_message)
            self._lose(Cause.LOST, ABNORMAL, "connection lost")
        raise self._closed()

    async def close(self, code: int, reason: str = "", take: Take = any_message) -> None:
        """Send a close frame, wait a little for the peer's, end the socket.

        What still comes is offered to ``take``, and dropped.
        """
        if self.closed:
            await self.finish()
            return
        self._closing = True
        try:
            with trio.move_on_after(self.timeouts.close_seconds), suppress(WebSocketClosed):
                self._wire.push(close_frame(code, reason, masked=self._masked))
                await self._drain()
                await self._read_to_end(take)
        finally:
            self.release()

    async def _read_to_end(self, take: Take) -> None:
        """Read until the peer's half is over, or wait for whom else reads to get there."""
        self._reading_to_end = True
        take = last_messages(take, functools.partial(self._end, "did not end"))
        while self.farewell is None:
            if self._take is not None:
                await self._waiting.park()
            else:
                with suppress(WebSocketClosed):
                    await self._receive(take)

    async def finish(self) -> None:
        """Let a close that is under way end, for a little; then nothing of this is left."""
        try:
            with trio.move_on_after(self.timeouts.close_seconds):
                await trio.lowlevel.checkpoint()
                while (self._closing or self._departing) and not self._released:
                    await self._waiting.park()
        finally:
            self.release()

    def release(self, *, reset: bool = False) -> None:
        """Close the socket, synchronously; whoever waits here wakes."""
        if self._released:
            return
        self._released = True
        self._departing = False
        self._callbacks = ()
        self.pump.keepalive.leave(self)
        self._wire.close(reset=reset)
        self._lose(Cause.LOST, ABNORMAL, "closed")
        self._waiting.unpark_all()

    def _closed(self) -> WebSocketClosed:
        return WebSocketClosed(self.farewell.reason if self.farewell else "closed")

    # What the wire tells.

    def heard(self, data: bytes) -> bool:
        """Take what was read; whether there is more of it to work on."""
        self._heard = True
        take = self._take
        if take is not None and self._parked is None:
            message = self._decoder.only_message(data)
            if message is not None:
                self._offer(take, message)
                return False
        if not data:
            self._end("hung up")
            return False
        # What it still sends after it was told off is dropped, as long as it isn't a flood.
        if not self._decoder.feed(data):
            self._end("did not end")
        return self.go_on()

    def lost(self) -> None:
        """Reading failed."""
        self._end("connection lost")

    def _end(self, reason: str) -> None:
        self._ended = True
        self._wire.reading = False
        self._lose(Cause.LOST, ABNORMAL, reason)
        self._waiting.unpark_all()

    def drained(self) -> None:
        """What waited to be sent is out."""
        self._answer()
        self._waiting.unpark_all()

    def hung_up(self) -> None:
        """The peer left while nobody receives."""
        self._hung_up_at = trio.current_time()

    def go_on(self) -> bool:
        """Offer what came, so many messages of it; whether there may be more."""
        decoder, take = self._decoder, self._take
        if take is None or self._parked is not None:
            return False
        for _ in range(TURN_MESSAGES):
            message = decoder.next_message()
            if message is None or not self._offer(take, message):
                break
        else:
            return True
        if decoder.answers_due:
            self._answer()
        if decoder.ended is not None and self.farewell is None:
            self._conclude(decoder.ended)
        return decoder.resting and self._parked is None

    def _offer(self, take: Take, message: str | bytes) -> bool:
        """Whether it was taken; else it waits for who receives."""
        try:
            if take(message):
                return True
        except Exception as fault:  # noqa: BLE001  it is raised where the taker receives
            self._fault = fault
        self._parked = message
        self._wire.reading = False
        self._waiting.unpark_all()
        return False

    def _answer(self) -> None:
        """Have pongs sent that are due."""
        # A peer that pings without reading our pongs holds no more of them than the decoder keeps.
        if self._decoder.answers_due and self._wire.waiting_since is None and not self.closed:
            self._wire.push(self._decoder.answers())

    def _conclude(self, ended: Ended) -> None:
        """The peer's half is over: echo its close, or tell it what it did wrong."""
        self._lose(Cause.CLOSED if ended.clean else Cause.BREACH, ended.answer, ended.detail)
        if self._closing:
            # Then this was the answer, and whoever closes ends the socket.
            return
        reason = "" if ended.clean else ended.detail
        self._wire.push(close_frame(ended.answer, reason, masked=self._masked))
        self._departing = True
        self.pump.spawn(functools.partial(self._depart, clean=ended.clean))

    async def _depart(self, *, clean: bool) -> None:
        """End the socket so that the peer can still read our last words."""
        try:
            with trio.move_on_after(self.timeouts.close_seconds):
                await trio.lowlevel.checkpoint()
                while self._wire.waiting_since is not None:
                    await self._waiting.park()
            # A server is the first to end the connection (section 7.1.1). Not after a breach:
            # closing with something unread resets it, and destroys what the peer has not read.
            if not clean or self.role is Role.CLIENT:
                self._wire.end()
                self._wire.listen()
                with trio.move_on_after(linger_seconds(self.stream, self.timeouts.close_seconds)):
                    await trio.lowlevel.checkpoint()
                    while not self._ended:
                        await self._waiting.park()
        finally:
            self.release()

    def _lose(self, cause: Cause, code: int, reason: str) -> None:
        """The peer's half is over: record how, once, and tell whoever asked."""
        if self.farewell is not None:
            return
        self.farewell = Farewell(cause, code, reason)
        self._wire.reading = False
        self._waiting.unpark_all()
        callbacks, self._callbacks = self._callbacks, ()
        if self._closing:
            return
        tell(callbacks)

    def _abandon(self, cause: Cause, reason: str) -> None:
        self._lose(cause, ABNORMAL, reason)
        self.release(reset=True)

    def beat(self, now: float) -> None:
        """Ping a quiet peer; end one that leaves a ping unanswered, or takes nothing.

        Silence counts against the peer only while somebody receives. While nobody does (a stalled
        engine), a FIN may be stuck behind what isn't read: every beat pings, which a peer that
        closed answers with RST (RFC 1122, 4.2.2.13), and one that vanished with nothing.
        """
        self._decoder.beat()
        since, timeouts = self._wire.waiting_since, self.timeouts
        if since is not None and now - since >= timeouts.send_seconds:
            self._abandon(Cause.STALLED, "does not read")
            return
        if self._heard:
            self._heard = False
            self._heard_at = now
            self._pinged_at = None
        elif self._pinged_at is None:
            if now - self._heard_at >= timeouts.ping_seconds and self._ping():
                self._pinged_at = now
        elif self._receiving > 1 and now - self._pinged_at >= timeouts.pong_seconds:
            self._abandon(Cause.SILENT, "answers no ping")
            return
        if self._receiving:
            self._receiving = 2
        elif self._hung_up_at is not None:
            if now - self._hung_up_at >= GRACE_SECONDS:
                self._lose(Cause.LOST, ABNORMAL, "hung up")
        elif self._wire.holds_unread:
            self._ping()

    def _ping(self) -> bool:
        """Whether a ping was sent: where something waits to be, that tells as much."""
        if free := not self.closed and self._wire.waiting_since is None:
            self._wire.push(ping_frame(masked=self._masked))
        return free
