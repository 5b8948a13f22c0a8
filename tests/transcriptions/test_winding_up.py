"""What a key began ends with it; what a test key began costs nothing. On PostgreSQL."""

from uuid import UUID, uuid4

import pytest

from relayd.identity import Principal, Scope
from relayd.jobs.lanes import Terms
from relayd.transcriptions import listing, records, submitting
from relayd.transcriptions.outcomes import (
    Declined,
    DeclinedReason,
    Filters,
    Incoming,
    State,
    Submission,
    Transcription,
)
from relayd.transcriptions.submitting import Quote
from relayd.transcriptions.winding_up import wind_up
from tests.jobs.queueing import Queue

pytestmark = pytest.mark.system


def a_key(queue: Queue, user_id: UUID) -> UUID:
    """A good key of a user."""
    keyed = queue.store.add_key(Principal(user_id, scopes=frozenset({Scope.BATCH})))
    assert keyed.key_id is not None
    return keyed.key_id


def state(queue: Queue, one: Transcription) -> State:
    """How a recording stands now."""
    found = queue.do(records.read, one.user_id, one.id)
    assert found is not None
    return found.state


@pytest.mark.parametrize("expired", [False, True])
def test_what_a_key_began_ends_with_it(queue: Queue, expired: bool) -> None:
    """What waits, runs or is on its way is called off; what others began goes on."""
    user_id = queue.user()
    key_id, other_id = a_key(queue, user_id), a_key(queue, user_id)
    running = queue.submitted(user_id, key_id=key_id)
    claim = queue.claim(queue.worker())
    assert claim is not None
    waiting = queue.submitted(user_id, key_id=key_id)
    upload = Incoming(uuid4(), user_id, "pretend", key_id=key_id)
    coming = queue.do(submitting.begin, upload, 3600.0)
    others = queue.submitted(user_id, key_id=other_id), queue.submitted(user_id)
    assert queue.do(wind_up, 30.0) is None

    queue.store.end_key(key_id, expired)

    assert queue.do(wind_up, 30.0) == 3
    assert state(queue, waiting) is State.CANCELLED
    assert state(queue, coming) is State.CANCELLED
    assert state(queue, running) is State.CANCELLING
    assert queue.progress(claim, 5_000).cancelled
    assert queue.finish(claim, 5_000) is not None
    assert {state(queue, one) for one in others} == {State.QUEUED}
    assert queue.store.balance(user_id).reserved_ms == 20_000
    # Once is enough.
    assert queue.do(wind_up, 30.0) is None


def test_nothing_is_handed_in_with_an_ended_key(queue: Queue) -> None:
    """An upload whose key ended on the way is refused, and nothing is held for it."""
    user_id = queue.user()
    key_id = a_key(queue, user_id)
    queue.store.end_key(key_id, False)
    refused = queue.submit(user_id, key_id=key_id)
    assert refused == Declined(DeclinedReason.KEY_ENDED)
    assert queue.store.balance(user_id).held_ms == 0


def test_a_test_holds_and_costs_nothing(queue: Queue) -> None:
    """Also of a user without credit; only tests see it, and its names are its own."""
    user_id = queue.user(0)
    taken = queue.submitted(user_id, test=True, idempotency_key="one", fingerprint=bytes(32))
    assert taken.hold_ms == 0
    assert queue.do(records.read, user_id, taken.id, test=False) is None
    assert queue.cancel(user_id, taken.id) is not None
    queue.store.book(user_id, "grant", "g", 1_000_000)
    real = queue.submitted(user_id, idempotency_key="one", fingerprint=bytes(32))
    assert real.id != taken.id
    claim = queue.claim(queue.worker())
    assert claim is not None
    assert (claim.id, claim.test) == (real.id, False)
    for test, one in ((True, taken), (False, real)):
        page = queue.do(listing.page, user_id, Filters(), None, 10, test=test)
        assert [found.id for found in page.transcriptions] == [one.id]


def test_tests_are_bounded_by_themselves(queue: Queue) -> None:
    """So many may wait, of such a length; real recordings are not counted with them."""
    user_id = queue.user()
    offer = Quote(Terms(), 1000, 60, Terms(queued_max=1, audio_ms_max=5_000))

    def submit(measured_ms: int) -> DeclinedReason | None:
        asked = Submission(uuid4(), user_id, "pretend", "audio/x", measured_ms, test=True)
        answer = queue.do(submitting.submit, asked, offer)
        return answer.reason if isinstance(answer, Declined) else None

    queue.submitted(user_id)
    assert submit(5_001) is DeclinedReason.TOO_LONG
    assert submit(5_000) is None
    assert submit(5_000) is DeclinedReason.QUEUE_FULL
    queue.submitted(user_id)
