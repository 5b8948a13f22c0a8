"""From what processes carried to the table."""

from bench.processes import Carried, missed, render
from tests.bench.tables import cells


def carried(processes: int, rate: float, *shares: float) -> Carried:
    """One run under TLS."""
    return Carried(
        tls=True,
        processes=processes,
        frames_per_second=rate,
        us_per_frame=100.0,
        shares=shares,
        busy=0.99,
        others=0.01,
    )


def test_processes_are_compared_with_one_by_their_medians() -> None:
    """One disturbed round does not decide; shares stand from the least to the greatest."""
    found = [
        *(carried(1, rate, 0.6) for rate in (5000, 1000, 5100)),
        *(carried(2, rate, 0.7, 0.5) for rate in (9000, 9500, 100)),
    ]
    assert cells(render(found))[2:] == [
        ["TLS", "1", "5000", "1.00", "100", "0.60", "0.99", "0.01"],
        ["TLS", "2", "9000", "1.80", "100", "0.50, 0.70", "0.99", "0.01"],
    ]


def test_without_one_alone_there_is_nothing_to_compare_with() -> None:
    """The rate stands for itself."""
    assert cells(render([carried(2, 9000, 0.6, 0.6)]))[2][2:4] == ["9000", "-"]


def test_two_processes_must_carry_nearly_twice_as_much() -> None:
    """1.8 times as much as one; without both there is nothing to miss."""
    assert not missed([carried(1, 5000, 0.6), carried(2, 9000, 0.6, 0.6)])
    assert missed([carried(1, 5000, 0.6), carried(2, 8900, 0.6, 0.6)])
    assert not missed([carried(2, 100, 0.6, 0.6)])
