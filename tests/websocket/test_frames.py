"""Frames as we send them, read by another implementation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from relayd.websocket import frames


def read(data: bytes) -> list[Event]:
    """What a client makes of it."""
    connection = Connection(ConnectionType.CLIENT)
    connection.receive_data(data)
    return list(connection.events())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_binary_of_every_length_form(size: int) -> None:
    """The length is written in its shortest form."""
    assert read(frames.data_frame(bytes(size))) == [BytesMessage(data=bytearray(size))]


@given(st.text(max_size=200))
def test_text(text: str) -> None:
    """Text goes out as UTF-8."""
    assert read(frames.data_frame(text)) == [TextMessage(data=text)]


def test_control_frames() -> None:
    """Pings and pongs carry their payload."""
    assert read(frames.ping_frame(b"a") + frames.pong_frame(b"b")) == [
        Ping(payload=b"a"),
        Pong(payload=b"b"),
    ]


@given(st.text(max_size=300))
def test_a_close_reason_is_cut_to_what_fits(reason: str) -> None:
    """A long reason is cut on a whole character, never sent broken."""
    (event,) = read(frames.close_frame(4402, reason))
    assert isinstance(event, CloseConnection)
    assert event.code == 4402
    assert reason.startswith(event.reason or "")
    assert len((event.reason or "").encode()) >= min(len(reason.encode()), 120)


@pytest.mark.parametrize(
    ("reason", "sent"), [("a" * 200, "a" * 123), ("é" * 100, "é" * 61), ("x" * 123, "x" * 123)]
)
def test_a_close_reason_fills_its_frame(reason: str, sent: str) -> None:
    """125 bytes less the code: no character that fits is left out."""
    assert read(frames.close_frame(4402, reason)) == [CloseConnection(code=4402, reason=sent)]


def test_every_masked_frame_has_a_mask_of_its_own() -> None:
    """Four bytes of entropy each (section 5.3), however many are drawn at once."""
    sent = [frames.data_frame(b"", masked=True) for _ in range(5000)]
    assert {one[:2] for one in sent} == {b"\x82\x80"}
    assert {len(one) for one in sent} == {6}
    # Of five thousand random ones two may agree by chance, hardly ten.
    assert len(set(sent)) > 4990


def test_a_close_without_a_reason() -> None:
    """The code stands alone."""
    assert frames.close_frame(1000) == b"\x88\x02\x03\xe8"


def test_a_close_without_a_code() -> None:
    """1005 is never on the wire: it stands for an empty close frame."""
    assert frames.close_frame(1005) == b"\x88\x00"
