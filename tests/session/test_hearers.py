"""What a session cost with each engine that heard it, from the turns that they took."""

from hypothesis import given
from hypothesis import strategies as st

from relayd.session.hearers import Hearer, Hearers, Share

FIRST = Hearer("first", "large", 1000)
SECOND = Hearer("second", "small", 400)


def test_as_planned() -> None:
    """Where the planned engine heard all of it there is nothing to add."""
    hearers = Hearers(FIRST)
    assert hearers.shares(0) == ()
    hearers.go_on(FIRST, 0)
    assert hearers.shares(5000) == ()


def test_another_one_opened_it() -> None:
    """All of it was heard by another one than the plan says."""
    hearers = Hearers(FIRST)
    hearers.go_on(SECOND, 0)
    assert hearers.shares(5000) == (Share(SECOND, 5000, 1, last=True),)


def test_a_connection_that_broke() -> None:
    """The same engine again: its first stream failed."""
    hearers = Hearers(FIRST)
    hearers.go_on(FIRST, 0)
    hearers.go_on(FIRST, 3000)
    assert hearers.shares(5000) == (Share(FIRST, 5000, 2, last=True),)


def test_in_turns() -> None:
    """Each has what it cost between its beginning and the next one's, added up."""
    hearers = Hearers(FIRST)
    for hearer, used_ms in ((FIRST, 0), (SECOND, 1000), (FIRST, 1500), (SECOND, 4000)):
        hearers.go_on(hearer, used_ms)
    assert hearers.shares(4200) == (
        Share(FIRST, 3500, 2, last=False),
        Share(SECOND, 700, 2, last=True),
    )


@given(st.lists(st.tuples(st.sampled_from([FIRST, SECOND]), st.integers(0, 9999)), max_size=9))
def test_together_they_are_the_whole(turns: list[tuple[Hearer, int]]) -> None:
    """Not a millisecond more or less, one of them is the last, and each turn was a stream."""
    hearers, used_ms = Hearers(FIRST), 0
    for position, (hearer, more_ms) in enumerate(turns):
        used_ms += more_ms if position else 0
        hearers.go_on(hearer, used_ms)
    shares = hearers.shares(used_ms + 7)
    if shares:
        assert sum(one.charged_ms for one in shares) == used_ms + 7
        assert [one.hearer for one in shares if one.last] == [turns[-1][0]]
        assert sum(one.streams for one in shares) == len(turns)
    else:
        assert [hearer for hearer, _ in turns] in ([], [FIRST])
