"""So many in any minute, and no more memory than that takes."""

from hypothesis import given
from hypothesis import strategies as st

from relayd.routes.rate_limit import RateLimit


def test_burst_then_wait() -> None:
    """The limit may be used at once; then the oldest has to be a minute old."""
    limit = RateLimit(3)
    assert [limit.admit("a", now) for now in (0.0, 10.0, 20.0)] == [0, 0, 0]
    assert limit.admit("a", 30.0) == 30
    assert limit.admit("a", 59.0) == 1
    assert limit.admit("a", 60.0) == 0
    assert limit.admit("a", 61.0) == 9


def test_refused_requests_do_not_count() -> None:
    """Who goes on asking is let in as early as who waits."""
    limit = RateLimit(1)
    limit.admit("a", 0.0)
    assert all(limit.admit("a", now / 10) > 0 for now in range(1, 600))
    assert limit.admit("a", 60.0) == 0


def test_addresses_are_apart() -> None:
    """One address's requests never cost another's."""
    limit = RateLimit(1)
    assert limit.admit("a", 0.0) == 0
    assert limit.admit("b", 0.0) == 0
    assert limit.admit("a", 0.0) > 0


def test_bounded() -> None:
    """A flood of addresses costs no more memory; the quiet one is forgotten first."""
    limit = RateLimit(1, tracked_max=3)
    limit.admit("first", 0.0)
    for number in range(1000):
        limit.admit(str(number), 1.0)
        assert limit.tracked <= 3
    assert limit.admit("999", 2.0) > 0
    assert limit.admit("first", 2.0) == 0


def test_the_quiet_are_forgotten_first() -> None:
    """Who asked last is remembered longest, however long ago it was first seen."""
    limit = RateLimit(2, tracked_max=2)
    for address, now in [("busy", 0.0), ("quiet", 1.0), ("busy", 2.0), ("new", 3.0)]:
        assert limit.admit(address, now) == 0
    assert limit.admit("busy", 4.0) == 56


def test_forgets_what_has_run_out() -> None:
    """A minute later nothing is left of anybody."""
    limit = RateLimit(2)
    for number in range(100):
        limit.admit(str(number), float(number) / 10)
    limit.admit("later", 1000.0)
    assert limit.tracked == 1


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=60),
)
def test_any_window(most: int, steps: list[tuple[str, float]]) -> None:
    """No window of a minute holds more than the limit, and none is refused without reason."""
    limit = RateLimit(most)
    admitted: dict[str, list[float]] = {"a": [], "b": [], "c": []}
    now = 0.0
    for address, pause in steps:
        now += pause
        recent = [then for then in admitted[address] if then + 60 - now > 0]
        wait = limit.admit(address, now)
        assert (wait == 0) == (len(recent) < most)
        if wait == 0:
            admitted[address].append(now)
        else:
            assert wait == recent[0] + 60 - now
