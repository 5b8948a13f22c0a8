"""What a user sees of their recordings, and the operator of the queue."""

import attrs
import pytest

from relayd.jobs import roster
from relayd.jobs.lanes import Terms
from relayd.transcriptions import listing, records
from relayd.transcriptions.estimates import standing
from relayd.transcriptions.outcomes import (
    Filters,
    Page,
    QueueStats,
    Shown,
    Standing,
    Transcription,
    UserStats,
)
from tests.jobs.queueing import Queue

pytestmark = pytest.mark.system


def stands(queue: Queue, taken: Transcription) -> Standing:
    """How it stands."""
    return queue.do(standing, queue.read(taken))


def test_pages_newest_first(queue: Queue) -> None:
    """Page by page, none twice and none left out; another's never, and deleted ones no more."""
    user_id = queue.user()
    queue.submitted(queue.user())
    taken = [queue.submitted(user_id).id for _ in range(5)]
    queue.delete(user_id, taken[2])

    seen, before = [], None
    while True:
        page: Page = queue.do(listing.page, user_id, Filters(), before, 2)
        seen += [one.id for one in page.transcriptions]
        before = page.next_number
        if before is None:
            break

    assert seen == [taken[4], taken[3], taken[1], taken[0]]


def test_filters(queue: Queue) -> None:
    """By what is shown of them, by model, by when they came."""
    user_id, worker = queue.user(), queue.worker()
    done, waiting = queue.submitted(user_id), queue.submitted(user_id)
    claim = queue.claim(worker)
    assert claim is not None
    queue.finish(claim)

    def found(filters: Filters) -> list[object]:
        return [one.id for one in queue.do(listing.page, user_id, filters, None, 9).transcriptions]

    assert found(Filters(shown=Shown.COMPLETED)) == [done.id]
    assert found(Filters(shown=Shown.QUEUED)) == [waiting.id]
    assert found(Filters(model="another")) == []
    assert found(Filters(since=waiting.created_at)) == [waiting.id]
    assert found(Filters(until=waiting.created_at)) == [done.id]


def test_somebody_elses_is_not_there(queue: Queue) -> None:
    """It can be neither read nor cancelled nor deleted by another."""
    taken, other = queue.submitted(queue.user()), queue.user()

    assert queue.do(records.read, other, taken.id) is None
    assert queue.cancel(other, taken.id) is None
    assert queue.delete(other, taken.id) is None


def test_place_in_the_queue(queue: Queue) -> None:
    """Users take turns, so of others as many come first as there are own ones before it."""
    many, few = queue.user(), queue.user()
    earlier = [queue.submitted(many) for _ in range(4)]
    own = [queue.submitted(few) for _ in range(2)]

    assert [stands(queue, one).position for one in own] == [2, 4]
    # many, few, many, few, many, many.
    assert [stands(queue, one).position for one in earlier] == [1, 3, 5, 6]


def test_times_from_what_workers_did(queue: Queue) -> None:
    """Nothing is told while nothing is known; then by the speed and number of what works."""
    queue.terms = Terms(running_max=1)
    user_id, worker = queue.user(), queue.worker()
    first = queue.submitted(user_id, 60_000)
    assert stands(queue, first) == Standing(queue.read(first), 1)
    queue.do(roster.enlist, worker, 2)
    claim = queue.claim(worker)
    assert claim is not None
    queue.connection.execute("UPDATE transcriptions SET started_at = now() - interval '6 s'")
    queue.finish(claim)

    running, waiting = queue.submitted(user_id, 60_000), queue.submitted(user_id, 30_000)
    claim = queue.claim(worker)
    assert claim is not None
    queue.progress(claim, 20_000)

    assert stands(queue, running).ends_in_seconds == pytest.approx(4, rel=0.1)
    told = stands(queue, waiting)
    assert told.ends_in_seconds is not None
    assert told.starts_in_seconds is not None
    assert told.ends_in_seconds - told.starts_in_seconds == pytest.approx(3, rel=0.1)


def test_progress(queue: Queue) -> None:
    """A share from 0 to 1, whatever a worker tells."""
    queue.submitted(queue.user(), 10_000)
    claim = queue.claim(queue.worker())
    assert claim is not None
    queue.progress(claim, 2500)
    assert queue.read(claim).done_share == 0.25
    queue.progress(claim, 99_999)
    assert queue.read(claim).done_share == 1


def test_statistics(queue: Queue) -> None:
    """Of a user, and of the whole queue, with what tells how many workers are needed."""
    user_id, worker = queue.user(), queue.worker()
    queue.do(roster.enlist, worker, 3)
    for _ in range(4):
        queue.submitted(user_id, 7000)
    done, failing = queue.claim(worker), queue.claim(worker)
    assert done is not None
    assert failing is not None
    queue.finish(done, 6500)
    queue.fail(failing)
    queue.claim(worker)

    assert queue.do(listing.user_stats, user_id) == UserStats(2, 1, 1, 0, 6500, 6500)
    stats = queue.do(listing.queue_stats)
    assert 0 < stats.oldest_seconds < 60
    assert attrs.evolve(stats, oldest_seconds=0) == QueueStats(1, 1, 7000, 1, 1, 0, 1, 3)
    queue.kill(worker)
    assert queue.do(listing.queue_stats).slots == 0
