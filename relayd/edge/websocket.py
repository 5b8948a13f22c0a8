"""One WebSocket over a Trio stream: the session's `Client`.

`receive` reads the socket in its caller's own task: a frame costs no queue and no second task.
It never sends; pongs and the answer to a close go out from short-lived tasks of the door, so that
cancelling a receive can't tear a frame. Every send is cancellable and under a deadline, and one
that did not finish ends the connection, because half a frame may be out.

Reads are 16 KiB at most and kept only until their messages are taken.
"""

import contextlib
import functools
from collections.abc import Callable

import attrs
import trio

from relayd import logs
from relayd.edge import streams
from relayd.edge.watch import Watch
from relayd.errors import ClientGone
from relayd.websocket import frames
from relayd.websocket.decoder import Bounds, Decoder, Ended
from relayd.websocket.inlet import read_socket
from relayd.websocket.outlet import Outlet

__all__ = ["WebSocket"]

log = logs.get(__name__)


@attrs.define(eq=False)
class WebSocket:
    """Open from the 101 on. ``early`` is what the peer sent before it."""

    stream: trio.abc.Stream
    address: str
    watch: Watch
    early: bytes = b""
    # None while it is open, and when it was closed by us.
    peer_code: int | None = None
    peer_reason: str = ""
    _open: bool = False
    _closing: bool = False
    _over: trio.Event = attrs.field(factory=trio.Event)
    _callbacks: list[Callable[[], object]] = attrs.field(factory=list)
    _answering: bool = False
    # 0: nobody reads; 1: somebody began to; 2: and was still waiting at a beat.
    _reading: int = 0
    _heard: bool = True
    _heard_at: float = 0
    _pinged_at: float | None = None
    _descriptor: int | None = None
    # Of a bare socket, which is read directly.
    _socket: trio.socket.SocketType | None = None
    _decoder: Decoder = attrs.field(init=False)
    _outlet: Outlet = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        settings = self.watch.settings
        self._outlet = Outlet(self.stream)
        bounds = Bounds(
            settings.message_bytes,
            min(settings.text_bytes, settings.message_bytes),
            settings.fragments_max,
        )
        self._decoder = Decoder(bounds, masked=True)

    def start(self, *, lost: bool = False) -> None:
        """The 101 is out (or was ``lost`` with the peer): from here on it is watched."""
        assert not self._open
        self._open = True
        if lost:
            self._lose(frames.ABNORMAL, "connection lost")
            return
        self._decoder.feed(self.early)
        self.early = b""
        self.watch.keepalive.join(self)
        self._descriptor = streams.descriptor(self.stream)
        if isinstance(self.stream, trio.SocketStream):
            self._socket = self.stream.socket
        if self._descriptor is not None:
            self.watch.hangups.watch(self._descriptor, self._hung_up)

    @property
    def gone(self) -> bool:
        """Whether the peer ended it: closed, vanished or broke the protocol."""
        return self.peer_code is not None

    @property
    def closed(self) -> bool:
        """Whether it is over, or our close is under way."""
        return self.gone or self._closing

    def on_gone(self, callback: Callable[[], object]) -> None:
        """Call back once when the peer ended it; at once if it did already."""
        if self.gone:
            callback()
        else:
            self._callbacks.append(callback)

    async def finish(self) -> None:
        """The connection's task is done with it: nothing of it is left behind."""
        try:
            if self._closing or self._decoder.ended is not None:
                with trio.move_on_after(self.watch.settings.close_seconds):
                    await self._over.wait()
        finally:
            self._release()

    def _release(self, *, reset: bool = False) -> None:
        """Close the socket, synchronously; whoever waits on it wakes."""
        self.watch.keepalive.leave(self)
        if self._descriptor is not None:
            self.watch.hangups.forget(self._descriptor, self._hung_up)
        self._descriptor = None
        streams.cut(self.stream, reset=reset)
        self._over.set()

    def _lose(self, code: int, reason: str) -> None:
        """The peer ended it: record it, once, and tell whoever asked."""
        if self.gone:
            return
        self.peer_code, self.peer_reason = code, reason
        callbacks, self._callbacks = self._callbacks, []
        if self._closing:
            self._over.set()
            return
        for callback in callbacks:
            try:
                callback()
            except Exception:
                log.exception("on_gone callback failed", address=self.address)

    def _hung_up(self) -> None:
        self._lose(frames.ABNORMAL, "hung up")

    async def receive(self) -> str | bytes:
        """The next message. Raises `ClientGone`; cancelling it loses nothing."""
        assert self._open
        message = None if self.gone else self._decoder.next_message()
        if message is not None:
            # Taken from what was read before: let others run, or a packed read starves them.
            await trio.lowlevel.cancel_shielded_checkpoint()
        while message is None:
            self._react()
            if self.closed:
                if self._closing and self._decoder.ended is not None:
                    # Somebody else closes, and it was this task that read the peer's answer.
                    self._over.set()
                raise ClientGone(self.peer_reason or "closed")
            self._decoder.feed(await self._read())
            message = self._decoder.next_message()
        if self._decoder.answers_due:
            self._react()
        return message

    async def _read(self) -> bytes:
        """The next bytes. Raises `ClientGone` at the end of them."""
        self._reading = 1
        try:
            if self._socket is None:
                data = await self.stream.receive_some(streams.READ_BYTES)
            else:
                data = await read_socket(self._socket, streams.READ_BYTES)
        except streams.LOST as problem:
            self._lose(frames.ABNORMAL, "connection lost")
            raise ClientGone("connection lost") from problem
        finally:
            self._reading = 0
        if not data:
            self._lose(frames.ABNORMAL, "hung up")
            raise ClientGone("hung up")
        self._heard = True
        # Streams in memory hand out bytearrays.
        return data if type(data) is bytes else bytes(data)

    def _react(self) -> None:
        """Have pongs sent that are due, or the answer to the peer's end."""
        ended = self._decoder.ended
        if ended is not None and not self.closed:
            self._lose(ended.answer, ended.detail)
            if not ended.clean:
                log.info("client broke the protocol", address=self.address, problem=ended.detail)
            self.watch.spawn(functools.partial(self._farewell, ended))
        elif self._decoder.answers_due and not self._answering and not self.closed:
            self._answering = True
            self.watch.spawn(self._answer)

    async def _answer(self) -> None:
        # A peer that pings without reading our pongs blocks this send, and is cut by its deadline.
        try:
            while (self._decoder.answers_due or self._outlet.unfinished) and not self.closed:
                await self._transmit(b"")
        except ClientGone:
            pass
        finally:
            self._answering = False

    async def _farewell(self, ended: Ended) -> None:
        """Echo the peer's close, or tell it what it did wrong, and end the socket."""
        reason = "" if ended.clean else ended.detail
        seconds = self.watch.settings.close_seconds
        try:
            with trio.move_on_after(seconds):
                await self._outlet.send(frames.close_frame(ended.answer, reason))
            if not ended.clean:
                await streams.depart(self.stream, seconds)
        except streams.LOST:
            pass
        finally:
            self._release()

    async def send(self, message: str | bytes) -> None:
        """Send one message. Raises `ClientGone`; one that is cancelled ends the connection."""
        assert self._open
        await self._transmit(frames.data_frame(message))

    def send_at_once(self, message: str) -> bool:
        """Send one message if that needs no waiting; False where nothing was sent."""
        # Pongs that are due go first.
        if self.closed or self._decoder.answers_due:
            return False
        sent = self._outlet.send_at_once(frames.data_frame(message))
        if self._outlet.unfinished and not self._answering:
            self._answering = True
            self.watch.spawn(self._answer)
        return sent

    async def _transmit(self, data: bytes) -> None:
        if self.closed:
            raise ClientGone(self.peer_reason or "closed")
        await self._push(data)

    async def _push(self, data: bytes) -> None:
        sent = False
        try:
            with trio.fail_after(self.watch.settings.send_seconds):
                # Pongs that are due go first: their pings came before what is answered now.
                await self._outlet.send(data, self._decoder.answers)
            sent = True
        except trio.TooSlowError as problem:
            raise ClientGone("does not read") from problem
        except streams.LOST as problem:
            raise ClientGone("connection lost") from problem
        finally:
            if not sent:
                self._lose(frames.ABNORMAL, "could not send")
                self._release(reset=True)

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame, wait a little for the peer's, end the socket."""
        if self.closed:
            await self.finish()
            return
        self._closing = True
        try:
            with trio.move_on_after(self.watch.settings.close_seconds):
                await self._push(frames.close_frame(code, reason))
                await self._await_close()
        except ClientGone:
            pass
        finally:
            self._release()

    async def _await_close(self) -> None:
        """Read on, dropping messages, until the peer's close frame or its end."""
        if self._reading:
            await self._over.wait()
        while self._decoder.ended is None:
            if self._decoder.next_message() is None and self._decoder.ended is None:
                self._decoder.answers()
                self._decoder.feed(await self._read())

    def beat(self, now: float) -> None:
        """Ping a quiet peer; end one that leaves a ping unanswered.

        Silence counts against the peer only while somebody reads. While nobody does (a stalled
        engine), a FIN may be stuck behind what isn't read: every beat pings, which a peer that
        closed answers with RST (RFC 1122, 4.2.2.13), and one that vanished with nothing.
        """
        settings = self.watch.settings
        if self._heard:
            self._heard = False
            self._heard_at = now
            self._pinged_at = None
        elif self._pinged_at is None:
            if now - self._heard_at >= settings.ping_seconds and not self.closed:
                self._pinged_at = now
                self.watch.spawn(self._ping)
        elif self._reading > 1 and now - self._pinged_at >= settings.pong_seconds:
            self._lose(frames.ABNORMAL, "no answer to a ping")
            self._release(reset=True)
        if self._reading:
            self._reading = 2
        elif not (self.closed or self._outlet.busy) and streams.holds_unread(self.stream):
            self.watch.spawn(self._ping)

    async def _ping(self) -> None:
        with contextlib.suppress(ClientGone):
            await self._transmit(frames.ping_frame())
