"""Who is served next: users in turn, within their caps, who has priority a little sooner."""

from collections import Counter

import pytest

from relayd.errors import LedgerUnavailable
from relayd.jobs import claiming
from relayd.jobs.claiming import Claim, Orders
from relayd.jobs.lanes import Terms
from tests.jobs.queueing import Queue

pytestmark = pytest.mark.system


def claimed(queue: Queue) -> Claim:
    """The next job, which there is."""
    claim = queue.claim(queue.worker())
    assert claim is not None
    return claim


def test_users_take_turns(queue: Queue) -> None:
    """However many one has handed in, each gets as many as the others while they wait."""
    queue.terms = Terms(running_max=1)
    many, few = queue.user(), queue.user()
    for _ in range(9):
        queue.submitted(many)
    for _ in range(3):
        queue.submitted(few)

    served = Counter[object]()
    for _ in range(6):
        claim = claimed(queue)
        served[claim.user_id] += 1
        assert queue.finish(claim)

    assert served == {many: 3, few: 3}


def test_one_at_a_time_is_no_loss(queue: Queue) -> None:
    """Who hands the next one in when the last is done is served as often as who has many."""
    queue.terms = Terms(running_max=1)
    many, others, single = queue.user(), queue.user(), queue.user()
    for _ in range(9):
        queue.submitted(many)
        queue.submitted(others)
    queue.submitted(single)

    served = Counter[object]()
    for _ in range(9):
        claim = claimed(queue)
        served[claim.user_id] += 1
        assert queue.finish(claim)
        if claim.user_id == single:
            queue.submitted(single)

    assert set(served.values()) == {3}


def test_the_cap_of_a_user_is_exact(queue: Queue) -> None:
    """So many of a user's jobs run and no more, until one of them has ended."""
    user_id = queue.user()
    for _ in range(4):
        queue.submitted(user_id)
    first, _ = claimed(queue), claimed(queue)
    assert queue.claim(queue.worker()) is None

    assert queue.finish(first)

    assert queue.claim(queue.worker()) is not None
    assert queue.claim(queue.worker()) is None


def test_in_the_order_of_submission(queue: Queue) -> None:
    """A user's own jobs come one after the other; one that was given back has its place again."""
    user_id = queue.user()
    ids = [queue.submitted(user_id).id for _ in range(3)]

    first = claimed(queue)
    assert first.id == ids[0]
    assert queue.give_back(first)

    assert [claimed(queue).id, claimed(queue).id] == ids[:2]


def test_priority_is_worth_some_time(queue: Queue) -> None:
    """Who has it is served before who waits as long, and not before who waits much longer."""
    plain, privileged = queue.user(), queue.user()
    for _ in range(3):
        queue.submitted(plain)
    queue.terms = Terms(priority=1)
    for _ in range(3):
        queue.submitted(privileged)

    first = claimed(queue)
    assert first.user_id == privileged
    # It was served a moment ago, and is still ahead by what a step of priority is worth.
    assert claimed(queue).user_id == privileged
    assert queue.finish(first)

    queue.connection.execute(
        "UPDATE lanes SET rank = rank - interval '2 minutes' WHERE user_id = %s", (plain,)
    )
    assert claimed(queue).user_id == plain


def test_frozen_credit_waits(queue: Queue) -> None:
    """While a payment is disputed nothing of the user's begins; what runs is told to stop."""
    user_id = queue.user()
    queue.submitted(user_id)
    queue.submitted(user_id)
    running = claimed(queue)
    assert queue.progress(running, 1000) == Orders()

    queue.store.freeze(user_id)
    assert queue.progress(running, 2000) == Orders(frozen=True)
    assert queue.give_back(running)
    assert queue.claim(queue.worker()) is None

    queue.store.thaw(user_id)
    assert claimed(queue).id == running.id


def test_a_worker_that_was_taken_for_dead_claims_nothing(queue: Queue) -> None:
    """Nobody would queue its jobs again: it has to beat first."""
    worker = queue.worker()
    queue.submitted(queue.user())
    queue.kill(worker)

    with pytest.raises(LedgerUnavailable):
        queue.claim(worker)

    queue.store.beat(worker)
    assert queue.claim(worker) is not None


def test_what_a_worker_owns(queue: Queue) -> None:
    """A claim whose answer was lost can be found and given back."""
    worker = queue.worker()
    queue.submitted(queue.user())
    claim = queue.claim(worker)
    assert claim is not None

    assert queue.do(claiming.owned, worker) == [((claim.user_id, claim.id), claim.fence)]
