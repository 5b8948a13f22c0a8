"""A recording is taken with its hold and its place in the queue, or not at all."""

from uuid import uuid4

import attrs
import pytest

from relayd.jobs.lanes import Terms
from relayd.transcriptions import submitting
from relayd.transcriptions.outcomes import Declined, DeclinedReason, Incoming, State
from tests.jobs.queueing import Queue

pytestmark = pytest.mark.system


def test_holds_whole_seconds_of_what_was_measured(queue: Queue) -> None:
    """What is set aside is the measured length, rounded up to a second, at the model's rate."""
    queue.rate_per_mille = 1500
    user_id = queue.user(20_000)

    taken = queue.submitted(user_id, 3001)

    assert (taken.state, taken.hold_ms) == (State.QUEUED, 6000)
    assert queue.store.balance(user_id).reserved_ms == 6000


def test_says_what_is_missing(queue: Queue) -> None:
    """Without the credit nothing is taken, and the answer says how much is lacking."""
    user_id = queue.user(9000)
    queue.submitted(user_id, 4000)

    refusal = queue.submit(user_id, 6500)

    assert refusal == Declined(DeclinedReason.INSUFFICIENT_CREDITS, 7000, 5000)
    assert refusal.missing == 2000


def test_a_frozen_user_hands_nothing_in(queue: Queue) -> None:
    """While a payment is disputed nothing is set aside."""
    user_id = queue.user()
    queue.store.freeze(user_id)

    refusal = queue.submit(user_id)

    assert isinstance(refusal, Declined)
    assert refusal.reason is DeclinedReason.CREDIT_FROZEN


def test_the_queue_of_a_user_is_bounded(queue: Queue) -> None:
    """So many may wait, whatever they cost; a delayed one waits too."""
    queue.terms = Terms(queued_max=2)
    user_id, worker = queue.user(), queue.worker()
    queue.submitted(user_id)
    claim = queue.claim(worker)
    assert claim is not None
    assert queue.fail(claim) is None
    queue.submitted(user_id)

    assert queue.submit(user_id) == Declined(DeclinedReason.QUEUE_FULL, 3, 2)


def test_too_long_a_recording(queue: Queue) -> None:
    """A recording longer than the terms allow is refused in milliseconds of audio."""
    queue.terms = Terms(audio_ms_max=60_000)

    assert queue.submit(queue.user(), 60_001) == Declined(DeclinedReason.TOO_LONG, 60_001, 60_000)


def test_the_same_key_is_the_same_recording(queue: Queue) -> None:
    """The same request again changes nothing; another one under its key is refused."""
    user_id = queue.user()
    first = queue.submitted(user_id, idempotency_key="a", fingerprint=b"1" * 32)

    again = queue.submitted(user_id, idempotency_key="a", fingerprint=b"1" * 32)
    other = queue.submit(user_id, idempotency_key="a", fingerprint=b"2" * 32)

    assert again == first
    assert other == Declined(DeclinedReason.KEY_TAKEN)
    assert queue.store.balance(user_id).reserved_ms == first.hold_ms
    # Keys are each user's own.
    queue.submitted(queue.user(), idempotency_key="a", fingerprint=b"2" * 32)


def test_an_upload_becomes_a_recording(queue: Queue) -> None:
    """Its row is there from the beginning, and is handed in once."""
    user_id = queue.user()
    upload = Incoming(uuid4(), user_id, "pretend", "talk.mp3")
    begun = queue.do(submitting.begin, upload, 60)
    assert queue.do(submitting.begin, upload, 60) == attrs.evolve(begun)
    measured = queue.do(submitting.measuring, upload.id, 60)
    assert measured is not None
    assert measured.state is State.PROBING

    taken = queue.submitted(user_id, id=upload.id, name="talk.mp3")

    assert (taken.number, taken.state) == (begun.number, State.QUEUED)
    assert queue.do(submitting.measuring, upload.id, 60) is None


def test_an_upload_that_is_over(queue: Queue) -> None:
    """What was cancelled while it came can't be handed in any more."""
    user_id = queue.user()
    upload = Incoming(uuid4(), user_id, "pretend")
    queue.do(submitting.begin, upload, 60)
    queue.cancel(user_id, upload.id)

    assert queue.submit(user_id, id=upload.id) == Declined(DeclinedReason.UPLOAD_OVER)


def test_what_is_free_holds_nothing(queue: Queue) -> None:
    """A model at no cost needs no credit and leaves no entry."""
    queue.rate_per_mille = 0
    user_id, worker = queue.user(0), queue.worker()
    queue.submitted(user_id)
    claim = queue.claim(worker)
    assert claim is not None

    ended = queue.finish(claim)

    assert ended is not None
    assert ended.charged_ms == 0
