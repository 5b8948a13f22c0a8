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


def test_a_close_without_a_code() -> None:
    """1005 is never on the wire: it stands for an empty close frame."""
    assert frames.close_frame(1005) == b"\x88\x00"
