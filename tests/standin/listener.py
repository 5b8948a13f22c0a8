"""One stand-in connection after the upgrade: audio in, messages out, timeouts and faults."""

import json
import socket
import struct
from collections.abc import Iterable
from typing import Any, Final

import attrs
import trio
from trio_websocket import WebSocketConnection

from tests.standin.script import Fault, Script
from tests.standin.speech import Recogniser

__all__ = ["Listener", "Tap"]

_NET0000: Final = (
    "Deepgram did not provide a response message within the timeout window. "
    "See https://dpgr.am/net0000"
)
_NET0001: Final = (
    "Deepgram did not receive audio data or a text message within the timeout window. "
    "See https://dpgr.am/net0001"
)

# A captured timeout showed its Metadata this long before the close frame.
_METADATA_SECONDS: Final = 0.025

# How long a peer may take to answer a close frame.
_CLOSE_SECONDS: Final = 5

_FIELDS: Final = {
    "KeepAlive": {"type"},
    "Finalize": {"type", "channel"},
    "CloseStream": {"type"},
    "Configure": {"type", "keyterms", "features"},
    "Sync": {"type", "id"},
}


@attrs.define(eq=False)
class Tap(trio.abc.Stream):
    """A transport that can stop being read, or be cut without a word."""

    stream: trio.abc.Stream
    stalled: bool = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Pass on."""
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Pass on."""
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Pass on, unless stalled; what a read that was under way still brings is lost."""
        data = b"" if self.stalled else await self.stream.receive_some(max_bytes)
        if self.stalled:
            await trio.sleep_forever()
        return data

    async def aclose(self) -> None:
        """Pass on."""
        await self.stream.aclose()

    async def cut(self) -> None:
        """Reset the connection: on a real socket the peer gets an RST."""
        if isinstance(self.stream, trio.SocketStream):
            linger = struct.pack("ii", 1, 0)
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        await trio.aclose_forcefully(self.stream)


@attrs.define(eq=False)
class Listener:
    """The server's end of an open stream."""

    connection: WebSocketConnection
    tap: Tap
    script: Script
    recogniser: Recogniser
    # What came, in order; binary only where it is kept.
    audio: bytearray
    texts: list[tuple[float, str]]
    audio_bytes: int = 0
    audio_frames: int = 0
    started: float = attrs.field(factory=trio.current_time)
    _last_message: float = attrs.field(factory=trio.current_time, init=False)
    _fault_due: bool = attrs.field(init=False)
    _silent: bool = False

    def __attrs_post_init__(self) -> None:
        self._fault_due = self.script.fault is not None

    async def run(self) -> None:
        """Serve until either side ended it. Raises `ConnectionClosed`."""
        going = await self._perhaps_fail()
        while going:
            with trio.move_on_at(self._deadline()) as patience:
                message = await self.connection.get_message()
            if patience.cancelled_caught:
                reason = _NET0001 if self.audio_bytes else _NET0000
                await self._time_out(1011, reason)
                return
            if isinstance(message, str):
                going = await self._hear_text(message)
            elif message:
                going = await self._hear_audio(message)
            else:
                await self._finish()  # An empty binary frame is the old way to say CloseStream.
                going = False

    def _deadline(self) -> float:
        silence = self._last_message + self.script.message_seconds
        if self.audio_bytes:
            return silence
        return min(silence, self.started + self.script.audio_seconds)

    async def _hear_audio(self, audio: bytes) -> bool:
        self._last_message = trio.current_time()
        self.audio_bytes += len(audio)
        self.audio_frames += 1
        if self.script.keep_audio:
            self.audio += audio
        await self._say(self.recogniser.hear(len(audio)))
        return await self._perhaps_fail()

    async def _hear_text(self, text: str) -> bool:
        self._last_message = trio.current_time()
        self.texts.append((self._last_message, text))
        try:
            message = json.loads(text)
            kind = message["type"]
            legible = message.keys() <= _FIELDS[kind]
        except (ValueError, TypeError, KeyError, AttributeError):
            legible = False
        if not legible:
            await self._say([_schema_error(text)])
        elif kind == "Finalize":
            await self._say(self.recogniser.finalize())
        elif kind == "Configure":
            request_id = self.recogniser.request_id
            await self._say([{"type": "ConfigureSuccess", "request_id": request_id}])
        elif kind == "CloseStream":
            await self._finish()
            return False
        return True

    async def _finish(self) -> None:
        """The rest of the words, the metadata, the close frame."""
        if self.script.deaf_to_close:
            self.tap.stalled = True
            await trio.sleep_forever()
        await self._say(self.recogniser.finish())
        await self._close(1000, None)

    async def _time_out(self, code: int, reason: str) -> None:
        await self._say([self.recogniser.metadata()])
        await trio.sleep(_METADATA_SECONDS)
        await self._close(code, reason)

    async def _close(self, code: int, reason: str | None) -> None:
        with trio.move_on_after(_CLOSE_SECONDS):
            await self.connection.aclose(code, reason)

    async def _say(self, messages: Iterable[dict[str, Any]]) -> None:
        for message in messages:
            if not self._silent:
                await self.connection.send_message(json.dumps(message))

    async def _perhaps_fail(self) -> bool:
        """Show the script's fault if it is due; whether the stream goes on."""
        if not self._fault_due or self.recogniser.heard_ms < self.script.after_ms:
            return True
        self._fault_due = False
        script = self.script
        match script.fault:
            case Fault.CLOSE:
                await self._close(script.close_code, script.close_reason)
                return False
            case Fault.TIMEOUT:
                await self._time_out(script.close_code, script.close_reason)
                return False
            case Fault.RESET:
                await self.tap.cut()
                return False
            case Fault.STALL:
                self.tap.stalled = True
                await trio.sleep_forever()
            case Fault.SILENT:
                self._silent = True
            case Fault.GARBAGE:
                await self.connection.send_message("\x00 this is not JSON {")
            case Fault.HUGE:
                await self.connection.send_message("x" * script.huge_bytes)
            case Fault.ERROR:
                await self._say([_schema_error("{}")])
        return True


def _schema_error(text: str) -> dict[str, Any]:
    return {
        "type": "Error",
        "variant": "SchemaError",
        "description": "Could not deserialize last text message: unknown variant, expected one "
        "of `CloseStream`, `Configure`, `Sync`, `KeepAlive`, `Finalize` at line 1 column 1",
        "message": text,
    }
