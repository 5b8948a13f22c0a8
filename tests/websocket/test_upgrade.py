"""Asking for a WebSocket, and what the far end may answer."""

import base64
import hashlib
import re

import pytest
import trio
import trio.testing
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection
from wsproto.events import Request as AskedFor
from wsproto.handshake import H11Handshake

from relayd.websocket.handshake import Answered, NoWebSocket, Request, Turned
from relayd.websocket.upgrade import upgrade

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\nX-Name: value\r\n\r\n"
)


def ask() -> Request:
    """A request like an engine's."""
    return Request("engine.example", "/v1/listen", [(b"Authorization", b"Token t")])


def proof(request: Request) -> bytes:
    """What a server answers to its key."""
    key = re.search(rb"(?i)sec-websocket-key: (\S+)", request.head)
    assert key is not None
    return base64.b64encode(hashlib.sha1(key[1] + GUID, usedforsecurity=False).digest())


async def answered(answer: bytes) -> Answered | Turned:
    """An upgrade that gets this answer and then the end of the stream."""
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.send_all(answer)
    await theirs.send_stream.aclose()
    return await upgrade(ours, ask())


def test_another_server_accepts_the_request() -> None:
    """And its answer is understood in turn."""
    request = ask()
    server = H11Handshake(ConnectionType.SERVER)
    server.receive_data(request.head)
    (asked,) = server.events()
    assert isinstance(asked, AskedFor)
    assert (asked.host, asked.target) == ("engine.example", "/v1/listen")
    assert (b"authorization", b"Token t") in asked.extra_headers
    got = request.answer(server.send(AcceptConnection()))
    assert isinstance(got, Answered)
    assert got.early == b""


async def test_a_refusal_carries_its_body() -> None:
    """The engine's explanation stands in the header or the body."""
    refused = await answered(b"HTTP/1.1 402 Payment Required\r\nContent-Length: 9\r\n\r\nno credit")
    assert isinstance(refused, Turned)
    assert (refused.status, refused.body) == (402, b"no credit")
    assert dict(refused.headers)[b"content-length"] == b"9"


@pytest.mark.parametrize("head", [b"HTTP/1.1 401 Who", b"HTTP/1.1 401 Who\r\nContent-Length: 9"])
async def test_a_body_that_breaks_off_is_a_refusal_all_the_same(head: bytes) -> None:
    """The status is what matters."""
    refused = await answered(head + b"\r\n\r\nwho")
    assert isinstance(refused, Turned)
    assert (refused.status, refused.body) == (401, b"who")


async def test_an_endless_body_is_cut() -> None:
    """Of an explanation 16 KiB are kept, and no more is waited for."""
    request = ask()
    assert request.answer(b"HTTP/1.1 500 No\r\n\r\n") is None
    assert request.answer(bytes(16_384)) is None
    refused = request.answer(b"!")
    assert isinstance(refused, Turned)
    assert refused.body == bytes(16_384)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Switching"])
async def test_hanging_up_on_the_upgrade_is_an_error(answer: bytes) -> None:
    """Nothing waits for an answer that can't come any more."""
    with pytest.raises(ConnectionResetError):
        await answered(answer)


@pytest.mark.parametrize(
    "change",
    [
        (b"%s", b"c29tZWJvZHkgZWxzZSdz"),  # the proof of somebody else's key
        (b"Upgrade: websocket", b"Upgrade: h2c"),
        (b"Upgrade: websocket\r\n", b""),
        (b"Connection: Upgrade", b"Connection: close"),
        (b"Sec-WebSocket-Accept", b"Sec-WebSocket-Key"),
        (b"X-Name: value", b"Sec-WebSocket-Extensions: permessage-deflate"),
        (b"X-Name: value", b"Sec-WebSocket-Protocol: chat"),
        (b"HTTP/1.1", b"SSH/2.0"),
    ],
)
def test_a_101_that_is_none_is_refused(change: tuple[bytes, bytes]) -> None:
    """Each thing that section 4.1 has a client check."""
    request = ask()
    answer = SWITCH.replace(*change).replace(b"%s", proof(request))
    with pytest.raises(NoWebSocket):
        request.answer(answer)
    request = ask()
    assert isinstance(request.answer(SWITCH % proof(request)), Answered)


def test_an_interim_answer_is_passed_over() -> None:
    """Any number of 1xx may precede the one that counts (RFC 9110, section 15.2)."""
    request = ask()
    assert request.answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n") is None
    assert isinstance(request.answer(SWITCH % proof(request)), Answered)


@pytest.mark.parametrize("early", [b"", b"\x81\x05hello", b"\x81\x05hel"])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_what_comes_with_the_answer_is_not_lost(early: bytes, step: int) -> None:
    """A result in the same packet as the 101 is handed on, whole or not."""
    request = ask()
    answer = SWITCH % proof(request) + early
    for at in range(0, len(answer), step):
        got = request.answer(answer[at : at + step])
        if got is not None:
            assert isinstance(got, Answered)
            assert (b"x-name", b"value") in got.headers
            assert got.early + answer[at + step :] == early
            return
    pytest.fail("it was not understood")
