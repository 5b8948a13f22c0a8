"""The cell in which the first reason wins."""

import trio

from relayd.session.endings import Ending, EndReason


def test_first_reason_wins() -> None:
    """A second reason changes nothing and says so."""
    ending = Ending()

    assert ending.give(EndReason.COMPLETED)
    assert not ending.give(EndReason.INTERNAL_ERROR, "too late")

    assert ending.reason is EndReason.COMPLETED
    assert ending.wording == EndReason.COMPLETED.wording


def test_detail_replaces_the_wording() -> None:
    """The client is told the detail where there is one."""
    ending = Ending()

    ending.give(EndReason.BAD_CONFIG, "sample_rate: must be a number")

    assert ending.wording == "sample_rate: must be a number"


async def test_cancels_the_scope_of_the_phase_only() -> None:
    """A reason ends the scope that was named last, and no earlier one."""
    ending = Ending()
    first, second = trio.CancelScope(), trio.CancelScope()
    ending.cancels(first)
    ending.cancels(second)

    ending.give(EndReason.COMPLETED)

    assert second.cancel_called
    assert not first.cancel_called


def test_late_scope_is_cancelled_at_once() -> None:
    """A phase entered after the end is over before it begins."""
    ending = Ending()
    ending.give(EndReason.SERVER_DRAINING)

    scope = trio.CancelScope()
    ending.cancels(scope)

    assert scope.cancel_called


def test_labels_are_unique() -> None:
    """No two reasons share the label that the ledger stores."""
    labels = [reason.label for reason in EndReason]

    assert len(set(labels)) == len(labels)
