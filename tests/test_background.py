"""Loops that nothing ends, and things that hold up none of the others."""

from collections.abc import Callable
from uuid import uuid4

import attrs
import pytest
import trio
from trio.testing import MockClock

from relayd.background import Faults, guarded, keep
from relayd.errors import DatabaseUnavailable, RelaydError, StripeUnavailable
from tests.conftest import DeclaredErrors

AWAY = DatabaseUnavailable("away")


@attrs.define(eq=False)
class Work:
    """Raises what stands in its script; where that is None it takes a second."""

    script: list[BaseException | None]
    began: list[float] = attrs.field(factory=list)

    async def __call__(self) -> None:
        """One round."""
        self.began.append(trio.current_time())
        problem = self.script.pop(0) if self.script else None
        if problem is not None:
            raise problem
        await trio.sleep(1)


async def rounds(work: Work, seconds: float, **pauses: float) -> list[float]:
    """When its rounds began within so long."""
    with trio.move_on_after(seconds):
        await keep("test", work, **pauses)
    return work.began


async def test_goes_on_after_an_outage(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage pauses a loop ever longer, up to the bound, and success sets that back."""
    work = Work([AWAY, AWAY, AWAY, AWAY, None, AWAY])

    began = await rounds(work, 16, again_seconds=1, again_seconds_max=4)

    assert began == [0, 1, 3, 7, 11, 12, 13, 14, 15]
    told = [record for record in caplog.records if record.getMessage() == "background work waits"]
    # The third in a row is passed over.
    assert len(told) == 4
    assert all(record.exc_info is None for record in told)


async def test_goes_on_after_a_fault(
    autojump_clock: MockClock, declared_errors: DeclaredErrors, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours is logged with its traceback, each time, and ends nothing."""
    work = Work([ZeroDivisionError(), ExceptionGroup("both", [AWAY, KeyError()])])

    assert await rounds(work, 4.5) == [0, 1, 3, 4]

    for _ in range(2):
        declared_errors.expect("background work failed")
    assert sum(record.exc_info is not None for record in caplog.records) == 2


async def test_outages_of_several_are_an_outage(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What tasks of one round raise together is judged by what is in it."""
    group = ExceptionGroup("both", [AWAY, ExceptionGroup("inner", [AWAY])])

    assert await rounds(Work([group]), 1.5) == [0, 1]

    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


async def test_what_a_person_must_mend_is_loud(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """An environment that refuses what it is asked needs somebody to look."""
    await rounds(Work([StripeUnavailable("wrong key", refused=True)]), 0.5)

    declared_errors.expect("background work waits")


async def test_work_that_never_waits_can_be_cancelled(autojump_clock: MockClock) -> None:
    """A loop whose work returns at once starves nobody."""
    done = 0

    async def work() -> None:
        nonlocal done
        done += 1
        if done == 100:
            scope.cancel()

    with trio.CancelScope() as scope:
        await keep("test", work)
    assert done == 100


def test_a_fault_goes_no_further(declared_errors: DeclaredErrors) -> None:
    """One thing that can't be worked on is logged with its facts; an outage concerns all."""
    with guarded("thing failed", thing=1) as attempt:
        raise ZeroDivisionError
    assert attempt.failed
    declared_errors.expect("thing failed")
    with pytest.raises(RelaydError), guarded("thing failed"):
        raise AWAY
    with guarded("thing failed") as attempt:
        pass
    assert not attempt.failed


async def test_what_fails_is_put_off_ever_longer(
    mock_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """Ten seconds, twenty, forty, an hour at most; the others are due all the time."""
    faults, bad, good = Faults[int]("thing failed"), 1, 2
    pauses: list[int] = []
    for _ in range(12):
        with faults.guard(bad):
            raise ZeroDivisionError
        declared_errors.expect("thing failed")
        pauses.append(_seconds_until(lambda: bad in faults.due([bad, good]), mock_clock))
        assert good in faults.due([bad, good])
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]
    assert bad in faults

    with faults.guard(bad):
        pass

    assert bad not in faults
    assert faults.due([bad]) == [bad]


def test_an_outage_is_no_fault_of_the_thing() -> None:
    """What an outage hit is due again at once."""

    async def main() -> None:
        faults, key = Faults[object]("thing failed"), uuid4()
        await trio.lowlevel.checkpoint()
        with pytest.raises(DatabaseUnavailable), faults.guard(key):
            raise AWAY
        assert faults.due([key]) == [key]

    trio.run(main)


async def test_what_is_gone_is_forgotten(
    mock_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """Nothing is kept of a thing that is no longer there."""
    faults = Faults[int]("thing failed")
    with faults.guard(1):
        raise ZeroDivisionError
    declared_errors.expect("thing failed")

    assert faults.due([2]) == [2]

    assert 1 not in faults


def _seconds_until(condition: Callable[[], bool], clock: MockClock) -> int:
    seconds = 0
    while not condition():
        clock.jump(1)
        seconds += 1
    return seconds
