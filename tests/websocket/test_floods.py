"""What a peer may have a decoder do in a while, and in one go."""

import pytest

from relayd.websocket.decoder import CONTROLS, STRANGE_BYTES, Ended
from relayd.websocket.frames import pong_frame
from tests.websocket.test_decoder import drain, make
from tests.websocket.wire import frame


def test_a_flood_of_pings_holds_sixteen() -> None:
    """Only the latest pings are kept for an answer, as section 5.5.3 allows."""
    frames = make()
    for _ in range(100):
        frames.beat()
    drain(frames, b"".join(frame(9, b"%d" % n) for n in range(64)))
    assert frames.ended is None
    assert frames.answers() == b"".join(pong_frame(b"%d" % n) for n in range(48, 64))


@pytest.mark.parametrize("opcode", [9, 10])
@pytest.mark.parametrize("strange", [False, True])
def test_too_many_controls(opcode: int, strange: bool) -> None:
    """So many pings and pongs at once and then with every beat; one more is a breach (1008)."""
    frames = make()
    frames.strange = strange
    most, more = CONTROLS[strange]
    for _ in range(100):
        frames.beat()
    drain(frames, frame(opcode) * most)
    assert frames.ended is None
    frames.beat()
    drain(frames, frame(opcode) * more + frame(2, b"x"))
    assert frames.ended is None
    drain(frames, frame(opcode) * 2)
    assert frames.ended == Ended(1008, "too many pings and pongs")


def test_whoever_just_came_may_be_anybody() -> None:
    """A burst at once is bounded as a stranger's, before it is known who speaks."""
    frames = make()
    drain(frames, frame(9) * CONTROLS[True][0])
    assert frames.ended is None
    drain(frames, frame(9))
    assert frames.ended == Ended(1008, "too many pings and pongs")


def test_a_close_behind_many_pings() -> None:
    """A close frame is no control frame too many."""
    frames = make()
    drain(frames, frame(9) * 16 + frame(8, b"\x03\xe8"))
    assert frames.ended == Ended(1000, "", clean=True)


def test_work_is_done_in_turns() -> None:
    """A call works off so many frames, also where they come to no message."""
    frames = make()
    frames.feed(frame(1, b"", fin=False) + frame(0, b"", fin=False) * 999 + frame(0, b"end"))
    calls = 1
    while (message := frames.next_message()) is None:
        assert frames.resting
        calls += 1
    assert message == "end"
    assert not frames.resting
    assert calls == 16


@pytest.mark.parametrize("opcode", [1, 2])
def test_who_may_be_anybody(opcode: int) -> None:
    """Their message is small, whatever its frames; the next one, of somebody known, need not be."""
    message = frame(opcode, b"x" * STRANGE_BYTES)
    frames = make()
    frames.strange = True
    assert len(drain(frames, message)) == 1
    frames.strange = False
    assert len(drain(frames, frame(opcode, b"x" * STRANGE_BYTES * 2))) == 1
    frames.strange = True
    drain(frames, frame(opcode, b"x" * STRANGE_BYTES, fin=False))
    assert frames.ended is None
    drain(frames, frame(0, b"x"))
    assert frames.ended == Ended(1009, "message over 8192 bytes")
