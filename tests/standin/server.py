"""All of the stand-in's connections, over sockets or memory streams, and their records."""

import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import attrs
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketRequest, wrap_server_stream
from wsproto.utilities import ProtocolError

from tests.standin.handshake import INVALID_CREDENTIALS, Refusal, authorised, listening
from tests.standin.listener import Listener, Tap
from tests.standin.script import Script
from tests.standin.speech import Listening, Recogniser, Tempo

__all__ = ["Record", "StandIn"]

_HANDSHAKE_SECONDS: Final = 10

# Two frames of look-ahead: a stand-in that stops reading should soon be felt.
_QUEUED_MESSAGES: Final = 2


@attrs.define(eq=False)
class Record:
    """What one connection sent, and how it ended."""

    number: int
    request_id: str
    opened_at: float
    target: str = ""
    headers: dict[str, str] = attrs.field(factory=dict)
    status: int | None = None
    audio: bytearray = attrs.field(factory=bytearray)
    # Text frames with the time they came.
    texts: list[tuple[float, str]] = attrs.field(factory=list)
    listener: Listener | None = None
    ended: trio.Event = attrs.field(factory=trio.Event)
    ended_at: float | None = None
    close_code: int | None = None

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of its query."""
        return parse_qs(urlsplit(self.target).query)

    @property
    def audio_bytes(self) -> int:
        """How much audio came, whether it was kept or not."""
        return self.listener.audio_bytes if self.listener else 0

    def summary(self) -> dict[str, Any]:
        """The record as a line of JSON may hold it."""
        return {
            "number": self.number,
            "request_id": self.request_id,
            "status": self.status,
            "audio_bytes": self.audio_bytes,
            "audio_frames": self.listener.audio_frames if self.listener else 0,
            "texts": [text for _, text in self.texts],
            "close_code": self.close_code,
        }


@attrs.define(eq=False)
class StandIn:
    """A Deepgram of one's own. ``scripts`` are used in turn; the last one serves the rest."""

    key: str = "standin-key"
    jwt: str = "standin-jwt"
    scripts: list[Script] = attrs.field(factory=lambda: [Script()])
    records: list[Record] = attrs.field(factory=list)
    on_end: Callable[[Record], object] = lambda record: None
    # Records of ended connections that are kept; a benchmark needs none of them.
    records_max: int | None = None

    async def serve(
        self,
        host: str,
        port: int,
        *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen on a socket until cancelled; starts with the port it got."""
        listeners = await trio.open_tcp_listeners(port, host=host)
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(self.serve_stream, listeners)

    def connector(
        self,
        nursery: trio.Nursery,
        pair: Callable[
            [], tuple[trio.abc.Stream, trio.abc.Stream]
        ] = trio.testing.memory_stream_pair,
    ) -> Callable[[], Awaitable[trio.abc.Stream]]:
        """Return a transport for a client in the same process: each call is a connection.

        A lockstep pair lets the client feel that the stand-in does not read; the default
        pair takes everything.
        """

        async def connect() -> trio.abc.Stream:
            ours, theirs = pair()
            nursery.start_soon(self.serve_stream, ours)
            await trio.lowlevel.checkpoint()
            return theirs

        return connect

    async def serve_stream(self, stream: trio.abc.Stream) -> None:
        """Serve one connection; whatever its peer does, this returns."""
        script = self.scripts[0] if len(self.scripts) == 1 else self.scripts.pop(0)
        number = self.records[-1].number + 1 if self.records else 0
        record = Record(number, str(uuid.UUID(int=number + 1)), trio.current_time())
        self.records.append(record)
        try:
            await self._serve(Tap(stream), script, record)
        except* (
            ConnectionClosed,
            ProtocolError,
            trio.BrokenResourceError,
            trio.ClosedResourceError,
        ):
            pass  # The peer went away: its right.
        finally:
            record.ended_at = trio.current_time()
            record.ended.set()
            self.on_end(record)
            if self.records_max is not None:
                del self.records[: max(len(self.records) - self.records_max, 0)]
            await trio.aclose_forcefully(stream)

    async def _serve(self, tap: Tap, script: Script, record: Record) -> None:
        if script.answer is not None:
            await tap.receive_some(65_536)
            await tap.send_all(script.answer)
            return
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(_HANDSHAKE_SECONDS):
                opening = partial(wrap_server_stream, message_queue_size=_QUEUED_MESSAGES)
                request: WebSocketRequest = await opening(nursery, tap)
                await self._answer(request, tap, script, record)
            if record.listener is not None:
                try:
                    await record.listener.run()
                finally:
                    closed = record.listener.connection.closed
                    record.close_code = closed.code if closed else None
            nursery.cancel_scope.cancel()

    async def _answer(
        self, request: WebSocketRequest, tap: Tap, script: Script, record: Record
    ) -> None:
        """Accept or refuse the upgrade."""
        await trio.sleep(script.handshake_seconds)
        record.target = request.path
        record.headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers
        }
        offered = request.proposed_subprotocols
        found = self._examine(record, offered, script)
        request_id = record.request_id.encode()
        if isinstance(found, Refusal):
            record.status = found.status
            headers = [
                (b"content-type", b"application/json"),
                (b"dg-error", found.err_msg.encode("latin-1", "replace")),
                (b"dg-request-id", request_id),
            ]
            body = found.body(record.request_id)
            await request.reject(found.status, extra_headers=headers, body=body)
            return
        record.status = 101
        # The scheme's name is echoed, never the key that stands after it.
        chosen = offered[0] if offered else None
        headers = [(b"dg-request-id", request_id)]
        connection = await request.accept(subprotocol=chosen, extra_headers=headers)
        recogniser = Recogniser(
            found, record.request_id, script.result_ms, script.words, Tempo(script.word_ms)
        )
        record.listener = Listener(connection, tap, script, recogniser, record.audio, record.texts)

    def _examine(
        self, record: Record, offered: tuple[str, ...], script: Script
    ) -> Listening | Refusal:
        if script.refuse is not None:
            return Refusal(script.refuse, script.err_code, script.err_msg)
        shown = record.headers.get("authorization", "")
        if not authorised(shown, offered, self.key, self.jwt):
            return INVALID_CREDENTIALS
        return listening(record.target)
