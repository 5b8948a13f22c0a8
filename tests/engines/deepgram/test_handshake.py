"""Opening an engine's WebSocket, and what the far end may answer."""

import base64
import hashlib
import re

import pytest
import trio
import trio.testing
from wsproto.utilities import ProtocolError

from relayd.engines.deepgram.handshake import Refused, upgrade
from relayd.engines.deepgram.websocket import WebSocket

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\nX-Name: value\r\n\r\n"
)


async def answered(answer: bytes) -> WebSocket:
    """An upgrade that gets this answer and then the end of the stream."""
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.send_all(answer)
    await theirs.send_stream.aclose()
    return await upgrade(ours, "engine.example", "/v1/listen", [(b"authorization", b"Token t")])


async def test_a_refusal_carries_its_body() -> None:
    """The engine's explanation stands in the header or the body."""
    with pytest.raises(Refused) as caught:
        await answered(b"HTTP/1.1 402 Payment Required\r\nContent-Length: 9\r\n\r\nno credit")
    assert caught.value.status == 402
    assert caught.value.body == b"no credit"


async def test_a_body_that_breaks_off_is_a_refusal_all_the_same() -> None:
    """The status is what matters."""
    with pytest.raises(Refused) as caught:
        await answered(b"HTTP/1.1 401 Unauthorized\r\n\r\nwho")
    assert caught.value.body == b"who"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Switching"])
async def test_hanging_up_on_the_upgrade_is_an_error(answer: bytes) -> None:
    """Nothing waits for an answer that can't come any more."""
    with pytest.raises(ConnectionResetError):
        await answered(answer)


async def test_a_wrong_proof_is_refused() -> None:
    """A 101 to somebody else's key is not ours."""
    with pytest.raises(ProtocolError):
        await answered(SWITCH % b"c29tZWJvZHkgZWxzZSdz")


@pytest.mark.parametrize("early", [b"\x81\x05hello", b"\x81\x05hel"])
async def test_what_comes_with_the_answer_is_not_lost(early: bytes) -> None:
    """A result in the same packet as the 101 is the first one read, whole or not."""
    ours, theirs = trio.testing.memory_stream_pair()

    async def serve() -> None:
        request = bytes(await theirs.receive_some())
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", request)
        assert key is not None
        proof = base64.b64encode(hashlib.sha1(key[1] + GUID, usedforsecurity=False).digest())
        await theirs.send_all(SWITCH % proof + early)
        await theirs.send_all(b"\x81\x05hello"[len(early) :])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        websocket = await upgrade(ours, "engine.example", "/v1/listen", [])
        assert await websocket.receive() == "hello"
