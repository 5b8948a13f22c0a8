"""What an app missed is said again: every result once, or it is known that one is not there."""

from hypothesis import given
from hypothesis import strategies as st

from relayd.session.tail import Tail


def kept(tail: Tail, count: int) -> None:
    """Say so many results, each its own number."""
    for _ in range(count):
        tail.keep((str(tail.number + 1),))


def test_what_was_not_acknowledged_is_said_again() -> None:
    """Who has two of four hears the other two, whether it acknowledged those or not."""
    tail = Tail(8)
    kept(tail, 4)
    assert tail.since(2) == (("3",), ("4",))
    tail.acknowledge(2)
    assert tail.since(2) == (("3",), ("4",))
    assert tail.since(4) == ()
    assert tail.since(1) is None


def test_what_is_forgotten_is_not_passed_over() -> None:
    """Beyond its bound the oldest goes, and whoever needed it is told that it can't go on."""
    tail = Tail(2)
    kept(tail, 5)
    assert tail.since(3) == (("4",), ("5",))
    assert tail.since(2) is None


def test_a_number_that_was_never_given_is_refused() -> None:
    """Who claims to have what was never said comes from somewhere else."""
    tail = Tail(8)
    kept(tail, 2)
    assert tail.since(3) is None
    tail.acknowledge(1000)
    assert tail.since(2) == ()
    kept(tail, 1)
    assert tail.since(2) == (("3",),)


@given(st.integers(1, 6), st.lists(st.one_of(st.just("say"), st.integers(0, 40)), max_size=60))
def test_every_result_comes_once_or_none_does(most: int, steps: list[str | int]) -> None:
    """However results and acknowledgements alternate, what is said again has no gap."""
    tail = Tail(most)
    for step in steps:
        if isinstance(step, int):
            tail.acknowledge(step)
        else:
            kept(tail, 1)
        for received in range(tail.number + 1):
            missed = tail.since(received)
            if missed is not None:
                said = [int(text) for (text,) in missed]
                assert said == list(range(received + 1, tail.number + 1))
        assert tail.since(tail.number) == ()
        assert sum(tail.since(n) is not None for n in range(tail.number + 1)) <= most + 1
