"""A job ends once, by who still has it, and costs what was decoded of it."""

import attrs
import pytest

from relayd.jobs import returning
from relayd.jobs.claiming import Claim, Orders
from relayd.jobs.ending import EndedJob
from relayd.jobs.returning import DEATHS_MAX
from relayd.transcriptions.outcomes import Shown, State
from tests.jobs.queueing import MANNER, Queue

pytestmark = pytest.mark.system


def claimed(queue: Queue, measured_ms: int = 10_000) -> Claim:
    """A job of a user's own that runs."""
    queue.submitted(queue.user(), measured_ms)
    claim = queue.claim(queue.worker())
    assert claim is not None
    return claim


@pytest.mark.parametrize(
    ("decoded_ms", "charged_ms"),
    [(9_400, 9_400), (10_001, 10_001), (11_000, 11_000), (60_000, 11_000)],
)
def test_costs_what_was_decoded(queue: Queue, decoded_ms: int, charged_ms: int) -> None:
    """… and never more than was held; the rest is free again."""
    claim = claimed(queue, 10_001)

    assert queue.finish(claim, decoded_ms) == EndedJob("done", charged_ms)

    balance = queue.store.balance(claim.user_id)
    assert (balance.balance_ms, balance.reserved_ms) == (1_000_000 - charged_ms, 0)
    assert queue.read(claim).source is None


def test_finished_again_is_finished(queue: Queue) -> None:
    """A worker whose answer was lost asks once more and hears the same."""
    claim = claimed(queue)

    assert queue.finish(claim) == queue.finish(claim) == EndedJob("done", 10_000)


def test_a_late_finish_is_nobodys(queue: Queue) -> None:
    """A worker that was taken for dead frees no place and overwrites no result."""
    late = claimed(queue)
    queue.kill(late.fence.boot_id)
    assert queue.bury() == 1
    again = queue.claim(queue.worker())
    assert again is not None
    assert again.fence.attempt == late.fence.attempt + 1

    assert queue.progress(late, 5000) == Orders(lost=True)
    assert queue.finish(late) is None
    assert queue.fail(late) is None
    assert not queue.give_back(late)

    assert queue.finish(again) == EndedJob("done", 10_000)
    assert queue.read(again).result == f"results/{again.id}.2"
    # What the late one wrote is removed.
    assert queue.discarded() >= {f"results/{late.id}.1"}


def test_the_same_worker_claims_again(queue: Queue) -> None:
    """The attempt is a part of the fence: a boot's own earlier claim doesn't count either."""
    claim = claimed(queue)
    assert queue.give_back(claim)
    again = queue.claim(claim.fence.boot_id)
    assert again is not None

    assert queue.finish(claim) is None
    assert queue.finish(again)


def test_three_attempts(queue: Queue) -> None:
    """An attempt that failed is made again after a pause, and the third is the last."""
    claim = claimed(queue)
    worker = claim.fence.boot_id
    for _ in range(2):
        assert queue.fail(claim) is None
        assert queue.claim(worker) is None
        assert queue.wake_due() == 1
        again = queue.claim(worker)
        assert again is not None
        claim = again

    assert queue.fail(claim) == EndedJob("failed", 0)

    found = queue.read(claim)
    assert (found.shown, found.reason) == (Shown.FAILED, "engine_failed")


def test_a_calm_queue(queue: Queue) -> None:
    """It is calm before anything is handed in and after all of it ended, and never between."""

    def calm() -> bool:
        return queue.do(returning.look, MANNER.aging_seconds).calm

    assert calm()
    claim = claimed(queue)
    assert not calm()
    queue.fail(claim)
    assert not calm()
    assert queue.wake_due() == 1
    assert not calm()
    again = queue.claim(claim.fence.boot_id)
    assert again is not None
    queue.finish(again)
    assert calm()


def test_a_look_finds_what_the_dead_left(queue: Queue) -> None:
    """In the transaction that wakes those whose pause is over, and says that it isn't calm."""
    claim = claimed(queue)
    queue.kill(claim.fence.boot_id)

    look = queue.do(returning.look, MANNER.aging_seconds)

    assert (look.left, look.calm) == ([(claim.user_id, claim.id)], False)


def test_what_another_attempt_would_not_mend(queue: Queue) -> None:
    """A poisonous file fails at its first attempt."""
    assert queue.fail(claimed(queue), final=True) == EndedJob("failed", 0)


def test_giving_back_counts_nothing(queue: Queue) -> None:
    """However often a worker is stopped, the job has all of its attempts."""
    claim = claimed(queue)
    for _ in range(5):
        assert queue.give_back(claim, pause_seconds=60)
        assert queue.wake_due() == 1
        again = queue.claim(claim.fence.boot_id)
        assert again is not None
        claim = again

    assert claim.failures == 0


def test_deaths_end_it(queue: Queue) -> None:
    """What kills one worker after the other is given up at last."""
    claim = claimed(queue)
    for _ in range(DEATHS_MAX):
        boot_id = queue.worker()
        queue.give_back(claim)
        again = queue.claim(boot_id)
        assert again is not None
        claim = again
        queue.kill(boot_id)
        assert queue.bury() == 1
        if queue.read(claim).state is State.FAILED:
            break
        claim = attrs.evolve(claim)

    assert queue.read(claim).reason == "worker_lost"


def test_a_worker_that_lives_again_keeps_its_jobs(queue: Queue) -> None:
    """Its beat came before the burial: it was not dead."""
    claim = claimed(queue)
    queue.kill(claim.fence.boot_id)
    queue.store.beat(claim.fence.boot_id)

    assert queue.bury() == 0
    assert queue.finish(claim)


def test_cancelled_before_it_began(queue: Queue) -> None:
    """It costs nothing, and its audio goes; cancelled again it is the same."""
    user_id = queue.user()
    waiting = queue.submitted(user_id)

    cancelled = queue.cancel(user_id, waiting.id)

    assert cancelled is not None
    assert (cancelled.shown, cancelled.charged_ms) == (Shown.CANCELLED, 0)
    assert queue.cancel(user_id, waiting.id) == cancelled
    assert queue.discarded() == {waiting.source}


def test_cancelled_while_it_runs(queue: Queue) -> None:
    """Its worker hears of it, and it costs what was transcribed."""
    claim = claimed(queue)
    queue.progress(claim, 4000)
    asked = queue.cancel(claim.user_id, claim.id)
    assert asked is not None
    assert asked.shown is Shown.PROCESSING

    assert queue.progress(claim, 4500) == Orders(cancelled=True)
    assert queue.finish(claim, 4500) == EndedJob("cancelled", 4500)

    # It was finished just then, but its owner was told that it is given up.
    assert queue.read(claim).result is None


def test_cancelled_and_its_worker_died(queue: Queue) -> None:
    """It costs what the worker had told of."""
    claim = claimed(queue)
    queue.progress(claim, 4000)
    queue.cancel(claim.user_id, claim.id)
    queue.kill(claim.fence.boot_id)

    assert queue.bury() == 1

    assert queue.read(claim).charged_ms == 4000


def test_deleted_for_good(queue: Queue) -> None:
    """Nothing of a deleted recording stays but what the books need."""
    user_id = queue.user()
    taken = queue.submitted(user_id, name="secret.mp3", options={"prompt": "x"}, metadata={"a": 1})
    claim = queue.claim(queue.worker())
    assert claim is not None
    assert queue.finish(claim)

    deleted = queue.delete(user_id, taken.id)

    assert deleted is not None
    assert (deleted.state, deleted.shown) == (State.DELETED, None)
    assert (deleted.name, deleted.options, deleted.metadata) == ("", {}, {})
    assert deleted.charged_ms == 10_000
    assert queue.discarded() == {taken.source, f"results/{taken.id}.1"}


def test_deleted_while_it_runs(queue: Queue) -> None:
    """It is cancelled, shown no more, and deleted as soon as its worker lets go."""
    claim = claimed(queue)

    asked = queue.delete(claim.user_id, claim.id)
    assert asked is not None
    assert (asked.state, asked.shown) == (State.CANCELLING, None)
    assert queue.finish(claim, 100)

    assert queue.read(claim).state is State.DELETED
