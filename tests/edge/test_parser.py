"""Heads that two programs could read in two ways."""

import h11
import pytest
import trio
import trio.testing

from relayd.edge.parser import Parser
from tests.edge.caller import SETTINGS, UPGRADE, Log, SinkApp, call, opened_door

POST = b"POST /first HTTP/1.1\r\nHost: x\r\n"
CHUNKS = b"\r\n3\r\nabc\r\n0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

AMBIGUOUS = {
    "both lengths": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" + CHUNKS,
    "both, the other way round": POST
    + b"transfer-encoding: chunked\r\ncontent-length: 13\r\n"
    + CHUNKS,
    "a folded Transfer-Encoding": POST + b"Transfer-Encoding:\r\n chunked\r\n" + CHUNKS,
    "folded by a tab, without CR": POST.replace(b"\r", b"")
    + b"Transfer-Encoding:\n\tchunked\n"
    + CHUNKS,
    "any folded header": POST + b"X-One: a\r\n  b\r\n\r\n",
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n" + CHUNKS,
    "an upgrade with both": UPGRADE.encode()
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"
    + CHUNKS,
}


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_ambiguous_heads(autojump_clock: trio.testing.MockClock, name: str) -> None:
    """They are refused and the connection ends: what comes behind them is nobody's request."""
    app = SinkApp(Log().receive_all)
    async with opened_door(app, SETTINGS) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(AMBIGUOUS[name] + SMUGGLED)
        status, headers, _ = await caller.response()
        assert (status, headers["connection"]) == (400, "close")
        assert await caller.ended()
    assert app.requests == []


@pytest.mark.parametrize("step", [1, 7])
def test_a_fold_that_comes_in_pieces(step: int) -> None:
    """However the bytes are cut, a folded head is refused."""
    parser, data = Parser(16_384), AMBIGUOUS["a folded Transfer-Encoding"]
    with pytest.raises(h11.RemoteProtocolError, match="several lines"):
        _feed(parser, [data[start : start + step] for start in range(0, len(data), step)])


def _feed(parser: Parser, pieces: list[bytes]) -> None:
    for piece in pieces:
        parser.receive_data(piece)
        assert parser.next_event() is h11.NEED_DATA


def test_indented_bodies() -> None:
    """What lies behind the head may begin a line as it likes."""
    parser = Parser(16_384)
    parser.receive_data(POST + b"Content-Length: 4\r\n\r\n{\n }")
    assert isinstance(parser.next_event(), h11.Request)
    assert parser.next_event().data == b"{\n }"
