"""RFC 6455 framing without I/O, in both roles: the same messages however the bytes are cut."""

import struct
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Pong, TextMessage
from wsproto.utilities import RemoteProtocolError

from relayd.websocket.decoder import Bounds, Decoder, Ended
from relayd.websocket.frames import pong_frame
from tests.websocket.wire import frame

KEY = b"\x01\x02\x03\x04"

both_roles = pytest.mark.parametrize("masked", [True, False], ids=["server", "client"])


def make(limit: int = 100_000, *, masked: bool = True, **bounds: int) -> Decoder:
    """A decoder; that of a server reads what is masked."""
    bounds = {"text_bytes": limit} | bounds
    return Decoder(Bounds(limit, **bounds), masked=masked)


def drain(frames: Decoder, data: bytes) -> list[str | bytes]:
    """Feed bytes as a connection does; the messages that came of them."""
    whole = frames.only_message(data)
    if whole is not None:
        return [whole]
    frames.feed(data)
    found = []
    while (message := frames.next_message()) is not None or frames.resting:
        if message is not None:
            found.append(message)
    return found


@attrs.frozen
class Sent:
    """A message cut into fragments, with pings between them."""

    parts: tuple[bytes, ...]
    text: bool
    pings: bool

    def wire(self, *, masked: bool) -> bytes:
        """As frames."""
        key = KEY if masked else b""
        out = b""
        for index, part in enumerate(self.parts):
            opcode = 0 if index else (1 if self.text else 2)
            out += frame(opcode, part, fin=index == len(self.parts) - 1, key=key)
            if self.pings:
                out += frame(9, b"ping %d" % index, key=key)
        return out

    def pongs(self) -> list[bytes]:
        """What is to be answered."""
        return [b"ping %d" % index for index in range(len(self.parts) if self.pings else 0)]

    def message(self) -> str | bytes:
        """As the receiver shall see it."""
        whole = b"".join(self.parts)
        return whole.decode() if self.text else whole


BINARY = st.builds(
    Sent, st.lists(st.binary(max_size=300), min_size=1, max_size=4).map(tuple), st.just(False),
    st.booleans(),
)  # fmt: skip
TEXT = st.builds(
    lambda text, cut, pings: Sent((text.encode()[:cut], text.encode()[cut:]), True, pings),
    st.text(max_size=200),
    st.integers(0, 50),
    st.booleans(),
)


@given(
    st.lists(BINARY | TEXT, max_size=6), st.lists(st.integers(1, 400), max_size=40), st.booleans()
)
def test_any_cutting_gives_the_same_messages(
    sent: list[Sent], cuts: list[int], masked: bool
) -> None:
    """Where reads fall makes no difference to what is received."""
    wire = b"".join(one.wire(masked=masked) for one in sent)
    frames, found, at = make(masked=masked), list[str | bytes](), 0
    frames._controls_left = len(wire)
    for cut in [*cuts, len(wire)]:
        found += drain(frames, wire[at : at + cut])
        at += cut
    assert found == [one.message() for one in sent]
    assert frames.ended is None
    due = [ping for one in sent for ping in one.pongs()][-16:]
    assert payloads(frames.answers(), masked=not masked) == due


def payloads(answers: bytes, *, masked: bool) -> list[bytes]:
    """What these pongs carry, as wsproto reads them."""
    reader = Connection(ConnectionType.SERVER if masked else ConnectionType.CLIENT)
    reader.receive_data(answers)
    pongs = list(reader.events())
    assert all(isinstance(pong, Pong) for pong in pongs)
    return [bytes(pong.payload) for pong in pongs if isinstance(pong, Pong)]


@given(st.binary(max_size=120), st.integers(1, 9), st.booleans())
def test_arbitrary_bytes_are_judged_as_wsproto_judges_them(
    data: bytes, step: int, masked: bool
) -> None:
    """Another implementation reads the same messages, pings and breaches out of any bytes."""
    ours = make(masked=masked)
    messages: list[str | bytes] = []
    for at in range(0, len(data), step):
        messages += drain(ours, data[at : at + step])
    code = ours.ended.answer if ours.ended else None
    if code != 1009:  # A limit of ours, which wsproto's connection does not have.
        expected = judged_by_wsproto(data, masked=masked)
        if code == 1002 and expected[1] is None:
            # We judge a header by its first two bytes, wsproto when it has all fourteen.
            expected = judged_by_wsproto(data + bytes(14), masked=masked)
        assert (messages, code) == expected


def judged_by_wsproto(data: bytes, *, masked: bool) -> tuple[list[str | bytes], int | None]:
    """The messages and the close code that wsproto makes of these bytes in the same role."""
    theirs = Connection(ConnectionType.SERVER if masked else ConnectionType.CLIENT)
    messages: list[str | bytes] = []
    parts: list[Any] = []
    try:
        theirs.receive_data(data)
        for event in theirs.events():
            if isinstance(event, TextMessage | BytesMessage):
                parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
                if event.message_finished:
                    messages.append(type(parts[0])().join(parts))
                    parts = []
            elif isinstance(event, CloseConnection):
                return messages, int(event.code)
    except RemoteProtocolError as breach:
        return messages, int(breach.event_hint.code)  # type: ignore[union-attr]
    return messages, None


def test_empty_binary_message_is_empty_bytes() -> None:
    """An empty frame is a message, not the end of something."""
    assert drain(make(), frame(2)) == [b""]


@both_roles
def test_results_and_audio_of_every_size_class(masked: bool) -> None:
    """The short way through for whole frames and the long one agree at their borders."""
    key = KEY if masked else b""
    for size in (0, 1, 125, 126, 127, 65_535, 65_536):
        wire = frame(2, bytes(size), key=key) + frame(1, b"x" * size, key=key)
        assert drain(make(masked=masked, text_bytes=70_000), wire) == [bytes(size), "x" * size]


@both_roles
@pytest.mark.parametrize("size", [130, 65_535])
def test_what_sockets_mostly_bring_takes_the_short_way(masked: bool, size: int) -> None:
    """One whole frame of an app's audio or an engine's result, up to the limit, and only that."""
    key = KEY if masked else b""
    payload = bytes(n % 128 for n in range(size))
    message = payload if masked else payload.decode()
    usual, other = (2, 1) if masked else (1, 2)
    wire = frame(usual, payload, key=key)

    assert make(size, masked=masked).only_message(wire) == message
    assert make(size - 1, masked=masked).only_message(wire) is None
    overlong = struct.pack("!BBH", 0x80 | usual, len(key) * 32 | 126, 125) + key + bytes(125)
    for unlike in (
        overlong,
        wire[:-1],
        wire + b"\x00",
        frame(other, payload, key=key),
        frame(usual, payload, key=key, fin=False),
        frame(usual, payload, key=b"" if masked else KEY),
    ):
        assert make(masked=masked).only_message(unlike) is None


@both_roles
@pytest.mark.parametrize("size", [0, 1, 125, 65_536])
def test_other_lengths_go_the_long_way(masked: bool, size: int) -> None:
    """Short ones have another head, and longer ones too."""
    decoder = make(masked=masked)
    wire = frame(2 if masked else 1, b"a" * size, key=KEY if masked else b"")
    assert decoder.only_message(wire) is None
    decoder.feed(wire)
    assert decoder.next_message() == (b"a" * size if masked else "a" * size)


@both_roles
def test_the_short_way_is_for_between_messages(masked: bool) -> None:
    """Where anything is under way, or over, a whole frame is judged with what came before it."""
    key = KEY if masked else b""
    wire = frame(2 if masked else 1, b"a" * 200, key=key)
    for before in (
        wire[:1],
        wire[:100],
        frame(2, b"a", fin=False, key=key),
        frame(9, b"ping", key=key)[:-1],
        frame(8, key=key),
    ):
        decoder = make(masked=masked)
        assert drain(decoder, before) == []
        assert decoder.only_message(wire) is None
    for before in (frame(2, b"a", key=key), frame(9, key=key), frame(1, b"b" * 150, key=key)):
        decoder = make(masked=masked)
        drain(decoder, before)
        assert decoder.only_message(wire) is not None


@both_roles
def test_what_was_read_is_not_kept(masked: bool) -> None:
    """A connection holds no more than the message so far, and after a breach nothing."""
    decoder = make(masked=masked)
    key = KEY if masked else b""
    drain(decoder, frame(2, bytes(1000), key=key)[:-1])
    assert decoder._data == b""
    drain(decoder, b"\x00" + frame(3, bytes(1000), key=key))
    assert decoder.ended is not None
    assert decoder._data == b""


def test_a_server_masks_nothing() -> None:
    """Section 5.1: a client fails the connection over a masked frame."""
    frames = make(masked=False)
    assert drain(frames, frame(1, b"a", key=KEY)) == []
    assert frames.ended == Ended(1002, "frame masked")


def test_a_client_masks_everything() -> None:
    """Section 5.1: a server closes upon a frame that isn't masked."""
    frames = make()
    assert drain(frames, frame(1, b"a", key=b"")) == []
    assert frames.ended == Ended(1002, "frame not masked")


@pytest.mark.parametrize("size", [5, 300])
def test_a_result_that_is_no_text(size: int) -> None:
    """Broken UTF-8 is told with 1007 whichever way the frame takes, and ends what came before."""
    frames = make(masked=False)
    assert drain(frames, frame(1, b"fine", key=b"") + frame(1, b"\xff" * size, key=b"")) == ["fine"]
    assert frames.ended is not None
    assert frames.ended.answer == 1007


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xc2\x80" + KEY, 1002),  # a compressed frame, never negotiated
        (b"\x83\x80" + KEY, 1002),  # unknown opcode
        (b"\x82\x01a", 1002),  # not masked
        (b"\x09\x80" + KEY, 1002),  # fragmented ping
        (b"\x08\x80" + KEY, 1002),  # fragmented close
        (b"\x89\xfe", 1002),  # ping of over 125 bytes
        (b"\x88\xfe", 1002),  # close of over 125 bytes
        (frame(0, b"a"), 1002),  # continuation of nothing
        (frame(1, b"a", fin=False) + frame(1, b"b"), 1002),  # message within a message
        (b"\x82\xfe\x00\x05" + KEY, 1002),  # length not in its shortest form
        (b"\x82\xfe\x00\x7d" + KEY, 1002),
        (b"\x82\xff" + struct.pack("!Q", 65_535) + KEY, 1002),
        (b"\x82\xff" + struct.pack("!Q", 5) + KEY, 1002),
        (b"\x82\xff" + struct.pack("!Q", 1 << 63) + KEY, 1002),
        (frame(8, b"\x03"), 1002),  # half a close code
        (frame(8, struct.pack("!H", 1005)), 1002),
        (frame(8, struct.pack("!H", 2999)), 1002),
        (frame(8, struct.pack("!H", 5000)), 1002),
        (frame(8, struct.pack("!H", 1000) + b"\xff"), 1007),
        (frame(1, b"\xff"), 1007),
        (frame(1, b"\xe2\x82"), 1007),  # text ends within a character
        (frame(1, b"ok \xff", fin=False), 1007),  # told before the message ends
    ],
)
def test_each_breach_has_its_close_code(data: bytes, code: int) -> None:
    """What the peer must not do is recorded with the code of section 7.4, not raised."""
    frames = make()
    assert drain(frames, data) == []
    assert frames.ended is not None
    assert frames.ended.answer == code
    assert not frames.ended.clean
    assert drain(frames, frame(2, b"later")) == []


def test_too_big_a_message_is_refused_by_its_header() -> None:
    """400 MiB are announced and refused before a byte of them is kept."""
    frames = make(1000)
    assert drain(frames, b"\x82\xff" + struct.pack("!Q", 400 << 20) + KEY) == []
    assert frames.ended == Ended(1009, "message over 1000 bytes")


def test_a_message_of_exactly_the_limit_passes() -> None:
    """The limit itself is allowed; one byte more is not."""
    assert drain(make(1000), frame(2, bytes(1000))) == [bytes(1000)]
    frames = make(1000)
    assert drain(frames, frame(2, bytes(1001))) == []
    assert frames.ended is not None
    assert frames.ended.answer == 1009


def test_fragments_count_together() -> None:
    """The limit is the message's, however it is cut."""
    frames = make(1000)
    assert drain(frames, frame(2, bytes(600), fin=False) + frame(0, bytes(600))) == []
    assert frames.ended is not None
    assert frames.ended.answer == 1009


def test_endless_empty_fragments_end() -> None:
    """A message may not have any number of fragments."""
    frames = make(1000, fragments_max=10)
    drain(frames, frame(2, fin=False) + frame(0, fin=False) * 10)
    assert frames.ended == Ended(1009, "message of over 10 fragments")


def test_as_many_fragments_as_allowed() -> None:
    """The bound itself is allowed, and each message is counted anew."""
    frames = make(1000, fragments_max=10)
    ten = frame(2, b"a", fin=False) + frame(0, b"b", fin=False) * 8 + frame(0, b"c")
    assert drain(frames, ten * 2) == [b"abbbbbbbbc"] * 2
    assert frames.ended is None


def test_text_has_its_own_limit() -> None:
    """Text is JSON: it need not be as long as audio."""
    frames = make(1000, text_bytes=10)
    assert drain(frames, frame(2, bytes(11))) == [bytes(11)]
    assert drain(frames, frame(1, b"0123456789")) == ["0123456789"]
    assert drain(frames, frame(1, b"01234567890")) == []
    assert frames.ended is not None
    assert frames.ended.answer == 1009


def test_pings_are_answered_in_order() -> None:
    """Each ping's payload comes back in a pong."""
    frames = make()
    longest = bytes(125)
    drain(frames, frame(9, b"a") + frame(2, b"x") + frame(9, longest))
    assert frames.answers_due
    assert frames.answers() == pong_frame(b"a") + pong_frame(longest)
    assert not frames.answers_due


def test_a_clients_pongs_are_masked() -> None:
    """Section 5.3 excepts no frame of a client's."""
    frames = make(masked=False)
    drain(frames, frame(9, b"a", key=b""))
    answer = frames.answers()
    assert answer[:2] == b"\x8a\x81"
    assert len(answer) == 7


@pytest.mark.parametrize(
    ("payload", "ended"),
    [
        (b"", Ended(1005, "", clean=True)),
        (b"\x03\xe8", Ended(1000, "", clean=True)),
        (b"\x0f\xa0bye", Ended(4000, "bye", clean=True)),
        (b"\x0b\xb8", Ended(3000, "", clean=True)),
        (b"\x13\x87", Ended(4999, "", clean=True)),
    ],
)
def test_a_close_is_echoed(payload: bytes, ended: Ended) -> None:
    """A proper close frame ends the peer's half with its own code; no limit is for it."""
    frames = make(1)
    drain(frames, frame(8, payload) + frame(2, b"later"))
    assert frames.ended == ended
