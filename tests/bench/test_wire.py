"""The benchmark's frames against wsproto."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection

from bench.wire import BINARY, CLOSE, FrameReader, accept_response, close_code, frame, xor

MASK = b"\x37\xfa\x21\x3d"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_masked_frame_is_what_a_server_reads(size: int) -> None:
    """All three forms of the length."""
    server = Connection(ConnectionType.SERVER)
    server.receive_data(frame(BINARY, b"\x5a" * size, MASK))
    heard = b"".join(bytes(e.data) for e in server.events() if isinstance(e, BytesMessage))
    assert heard == b"\x5a" * size


@given(
    payloads=st.lists(st.binary(max_size=300), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 1600), max_size=8),
    mask=st.sampled_from([b"", MASK]),
)
def test_frames_are_the_same_however_they_were_cut(
    payloads: list[bytes], cuts: list[int], mask: bytes
) -> None:
    """TCP keeps no boundaries."""
    data = b"".join(frame(BINARY, payload, mask) for payload in payloads)
    reader = FrameReader()
    edges = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    frames = [
        one for start, end in itertools.pairwise(edges) for one in reader.feed(data[start:end])
    ]
    assert [one.data for one in frames] == payloads


def test_a_close_code_is_read() -> None:
    """And its absence has a number of its own."""
    server = Connection(ConnectionType.SERVER)
    sent = server.send(CloseConnection(code=4402))
    (one,) = FrameReader().feed(sent)
    assert one.opcode == CLOSE
    assert close_code(one.payload) == 4402
    assert close_code(b"") == 1005


@given(st.binary(max_size=100))
def test_masking_twice_changes_nothing(payload: bytes) -> None:
    """XOR is its own inverse."""
    assert xor(xor(payload, MASK), MASK) == payload


def test_the_upgrade_is_accepted_with_the_right_proof() -> None:
    """The example of RFC 6455, section 1.3."""
    answer = accept_response(b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
