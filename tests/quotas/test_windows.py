"""So many in any minute, and no more memory than that takes."""

from hypothesis import given
from hypothesis import strategies as st

from relayd.quotas.limits import Rate
from relayd.quotas.windows import Windows


def admit(windows: Windows, key: str, most: int, now: float) -> float:
    """One question under one rate."""
    return windows.admit([Rate(key, most)], now)


def test_burst_then_wait() -> None:
    """The limit may be used at once; then the oldest has to be a minute old."""
    windows = Windows()
    assert [admit(windows, "a", 3, now) for now in (0.0, 10.0, 20.0)] == [0, 0, 0]
    assert admit(windows, "a", 3, 30.0) == 30
    assert admit(windows, "a", 3, 59.0) == 1
    assert admit(windows, "a", 3, 60.0) == 0
    assert admit(windows, "a", 3, 61.0) == 9


def test_refused_requests_do_not_count() -> None:
    """Who goes on asking is let in as early as who waits."""
    windows = Windows()
    admit(windows, "a", 1, 0.0)
    assert all(admit(windows, "a", 1, now / 10) > 0 for now in range(1, 600))
    assert admit(windows, "a", 1, 60.0) == 0


def test_keys_are_apart() -> None:
    """One address's requests never cost another's."""
    windows = Windows()
    assert admit(windows, "a", 1, 0.0) == 0
    assert admit(windows, "b", 1, 0.0) == 0
    assert admit(windows, "a", 1, 0.0) > 0


def test_all_rates_or_none() -> None:
    """What one rate refuses counts under none of the others, and the longest wait is told."""
    windows = Windows()
    own, everybody = Rate("own", 2), Rate("all", 1, seconds=10)
    assert windows.admit([own, everybody], 0.0) == 0
    assert windows.admit([own, everybody], 1.0) == 9
    assert windows.admit([own], 1.0) == 0
    assert windows.admit([own, everybody], 2.0) == 58


def test_a_lowered_limit_holds_at_once() -> None:
    """With the limit lowered from three to one, the next has to wait for the last of the three."""
    windows = Windows()
    for now in (0.0, 1.0, 2.0):
        admit(windows, "a", 3, now)
    assert admit(windows, "a", 1, 3.0) == 59


def test_bounded() -> None:
    """A flood of addresses costs no more memory; the quiet one is forgotten first."""
    windows = Windows(tracked_max=3)
    admit(windows, "first", 1, 0.0)
    for number in range(1000):
        admit(windows, str(number), 1, 1.0)
        assert len(windows) <= 3
    assert admit(windows, "999", 1, 2.0) > 0
    assert admit(windows, "first", 1, 2.0) == 0


def test_the_quiet_are_forgotten_first() -> None:
    """Who asked last is remembered longest, however long ago it was first seen."""
    windows = Windows(tracked_max=2)
    for key, now in [("busy", 0.0), ("quiet", 1.0), ("busy", 2.0), ("new", 3.0)]:
        assert admit(windows, key, 2, now) == 0
    assert admit(windows, "busy", 2, 4.0) == 56


def test_lengths_are_apart() -> None:
    """However many keys a second brings, none that lasts a minute is forgotten for them."""
    windows = Windows(tracked_max=2)
    admit(windows, "guessing", 1, 0.0)
    for number in range(100):
        assert windows.admit([Rate(str(number), 1, seconds=1)], 0.5) == 0
    assert admit(windows, "guessing", 1, 1.0) == 59
    admit(windows, "later", 1, 61.0)
    assert len(windows) == 1


def test_forgets_what_has_run_out() -> None:
    """A minute later nothing is left of anybody."""
    windows = Windows()
    for number in range(100):
        admit(windows, str(number), 2, float(number) / 10)
    admit(windows, "later", 2, 1000.0)
    assert len(windows) == 1


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=60),
)
def test_any_window(most: int, steps: list[tuple[str, float]]) -> None:
    """No window of a minute holds more than the limit, and none is refused without reason."""
    windows = Windows()
    admitted: dict[str, list[float]] = {"a": [], "b": [], "c": []}
    now = 0.0
    for key, pause in steps:
        now += pause
        recent = [then for then in admitted[key] if then + 60 - now > 0]
        wait = admit(windows, key, most, now)
        assert (wait == 0) == (len(recent) < most)
        if wait == 0:
            admitted[key].append(now)
        else:
            assert wait == recent[-most] + 60 - now
