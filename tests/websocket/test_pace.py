"""How long the pump naps: from how much there is to do, and how long that takes."""

import pytest

from relayd.websocket.pace import DELAY_SECONDS, JUDGED_SECONDS, NAP_SECONDS_LEAST, Pace


def _after(pace: Pace, sockets: int, turn_seconds: float, *, began: float) -> bool:
    """One turn, at the end of a span that is judged."""
    return pace.count(sockets, began + JUDGED_SECONDS, began + JUDGED_SECONDS + turn_seconds)


def test_no_nap_for_few() -> None:
    """A socket that is alone within the longest delay is worked off at once."""
    pace = Pace(10.0)
    assert not _after(pace, int(JUDGED_SECONDS / DELAY_SECONDS), 0.0001, began=10.0)
    assert pace.nap_seconds == 0


@pytest.mark.parametrize("turn_ms", [0.1, 0.6, 1.5, 1.85])
def test_a_nap_and_its_turn_stay_within_the_delay(turn_ms: float) -> None:
    """The longer turns take, the shorter are the naps between them."""
    pace = Pace(10.0)
    assert _after(pace, 100, turn_ms / 1000, began=10.0)
    assert pace.nap_seconds + turn_ms / 1000 == pytest.approx(DELAY_SECONDS)


def test_long_turns_leave_a_nap() -> None:
    """A machine that can't keep up saves wake-ups all the same."""
    pace = Pace(10.0)
    assert _after(pace, 100, 0.050, began=10.0)
    assert pace.nap_seconds == NAP_SECONDS_LEAST


def test_the_timer_is_left_alone_for_little() -> None:
    """Turns that take a little longer now, or shorter, change nothing; much longer ones do."""
    pace = Pace(10.0)
    assert _after(pace, 100, 0.0005, began=10.0)
    nap_seconds = pace.nap_seconds
    assert not _after(pace, 1000, 0.0007, began=11.0)
    assert not _after(pace, 1000, 0.0003, began=12.0)
    assert pace.nap_seconds == nap_seconds
    assert _after(pace, 1000, 0.0020, began=13.0)
    assert pace.nap_seconds < nap_seconds


def test_naps_end_with_the_work() -> None:
    """Once few sockets become ready, each is worked off at once again."""
    pace = Pace(10.0)
    assert _after(pace, 100, 0.0005, began=10.0)
    assert _after(pace, 1, 0.0001, began=11.0)
    assert pace.nap_seconds == 0


def test_it_judges_by_all_turns_of_a_span() -> None:
    """Nothing changes before a span is over; then its turns count together, and only once."""
    pace = Pace(10.0)
    for turn in range(3):
        assert not pace.count(1, 10.004 + turn / 1000, 10.004 + turn / 1000 + 0.0004)
    assert pace.count(97, 10.020, 10.0208)
    assert pace.nap_seconds == pytest.approx(DELAY_SECONDS - 0.0005)
    assert pace.count(0, 10.050, 10.0501)
    assert pace.nap_seconds == 0
