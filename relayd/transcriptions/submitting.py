"""Taking a recording: its row, its hold and its place in the queue in one transaction."""

from typing import Final
from uuid import UUID

import attrs
from psycopg.types.json import Jsonb

from relayd.database.ports import Connection
from relayd.jobs import costs, lanes
from relayd.jobs.lanes import Change, Terms
from relayd.ledger import balances
from relayd.ledger.balances import Reservation
from relayd.ledger.outcomes import ReservationRefusal
from relayd.transcriptions.outcomes import (
    Declined,
    DeclinedReason,
    Incoming,
    Submission,
    Transcription,
)
from relayd.transcriptions.records import COLUMNS, of_row

__all__ = ["TRIAL", "Quote", "begin", "known", "measuring", "submit"]

_REFUSALS = {
    ReservationRefusal.UNKNOWN_USER: DeclinedReason.UNKNOWN_USER,
    ReservationRefusal.CREDIT_FROZEN: DeclinedReason.CREDIT_FROZEN,
    ReservationRefusal.INSUFFICIENT_CREDITS: DeclinedReason.INSUFFICIENT_CREDITS,
    ReservationRefusal.ID_TAKEN: DeclinedReason.UPLOAD_OVER,
}


# Unless it is configured otherwise.
TRIAL: Final = Terms(queued_max=20, audio_ms_max=600_000)


@attrs.frozen
class Quote:
    """On what terms, and at what price, a submission is taken."""

    terms: Terms
    rate_per_mille: int
    aging_seconds: float
    # What test keys may have in the queue.
    trial: Terms = TRIAL


def begin(connection: Connection, incoming: Incoming, seconds: float) -> Transcription:
    """Record an upload that is given up after so many seconds; the same id again is the same."""
    row = connection.execute(
        f"""
        INSERT INTO transcriptions
            (id, user_id, key_id, test, state, name, model, options, metadata, expires_at)
        VALUES (%(id)s, %(user)s, %(key)s, %(test)s, 'uploading', %(name)s, %(model)s, %(options)s,
                %(metadata)s, now() + make_interval(secs => %(seconds)s))
        ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING {COLUMNS}
        """,  # noqa: S608 - the columns are a constant
        {
            "id": incoming.id,
            "user": incoming.user_id,
            "key": incoming.key_id,
            "test": incoming.test,
            "name": incoming.name,
            "model": incoming.model,
            "options": Jsonb(incoming.options),
            "metadata": Jsonb(incoming.metadata),
            "seconds": seconds,
        },
    ).fetchone()
    assert row is not None
    return of_row(row)


def measuring(connection: Connection, upload_id: UUID, seconds: float) -> Transcription | None:
    """Say that an upload is being measured, and give it so long; None where it is over."""
    row = connection.execute(
        f"""
        UPDATE transcriptions
        SET state = 'probing', expires_at = now() + make_interval(secs => %s)
        WHERE id = %s AND state IN ('uploading', 'probing') RETURNING {COLUMNS}
        """,  # noqa: S608
        (seconds, upload_id),
    ).fetchone()
    return None if row is None else of_row(row)


def submit(
    connection: Connection, asked: Submission, offer: Quote
) -> tuple[Transcription, bool] | Declined:
    """Queue a recording and set aside what it costs; whether it was there before, or why not.

    Nothing of the books is changed where it is refused.
    """
    account = balances.lock(connection, asked.user_id)
    if account is None:
        return Declined(DeclinedReason.UNKNOWN_USER)
    before = known(connection, asked)
    if before is not None:
        return before
    lane = lanes.enter(connection, asked.user_id, offer.terms)
    hold_ms = 0 if asked.test else costs.hold_ms(asked.measured_ms, offer.rate_per_mille)
    if asked.test:
        refusal = _exceeded(asked, _tests_waiting(connection, asked.user_id), offer.trial)
    else:
        refusal = _exceeded(asked, lane.waiting, offer.terms)
    if refusal is None and _key_has_ended(connection, asked):
        refusal = Declined(DeclinedReason.KEY_ENDED)
    if refusal is None and _is_over(connection, asked):
        refusal = Declined(DeclinedReason.UPLOAD_OVER)
    if refusal is None and hold_ms:
        refusal = _hold(connection, asked, hold_ms, account.free_ms)
    if refusal is not None:
        return refusal
    transcription = _queue(connection, asked, offer.rate_per_mille, hold_ms)
    entered = Change(queued=1, queued_ms=asked.measured_ms)
    lanes.change(connection, asked.user_id, entered, offer.aging_seconds)
    return transcription, False


def known(
    connection: Connection, asked: Submission
) -> tuple[Transcription, bool] | Declined | None:
    """What an earlier request of the same key, or id, came to; None: there was none."""
    row = connection.execute(
        f"""
        SELECT fingerprint IS NOT DISTINCT FROM %(fingerprint)s, {COLUMNS} FROM transcriptions
        WHERE user_id = %(user)s AND test = %(test)s
          AND (idempotency_key = %(key)s OR (id = %(id)s AND queued_at IS NOT NULL))
        """,  # noqa: S608
        {
            "user": asked.user_id,
            "test": asked.test,
            "key": asked.idempotency_key,
            "id": asked.id,
            "fingerprint": asked.fingerprint,
        },
    ).fetchone()
    if row is None:
        return None
    same, *columns = row
    return (of_row(tuple(columns)), True) if same else Declined(DeclinedReason.KEY_TAKEN)


def _exceeded(asked: Submission, waiting: int, terms: Terms) -> Declined | None:
    """What of the terms a further recording of this length would break."""
    if asked.measured_ms > terms.audio_ms_max:
        return Declined(DeclinedReason.TOO_LONG, asked.measured_ms, terms.audio_ms_max)
    if terms.models is not None and asked.model not in terms.models:
        return Declined(DeclinedReason.MODEL_NOT_IN_PLAN)
    if waiting >= terms.queued_max:
        return Declined(DeclinedReason.QUEUE_FULL, waiting + 1, terms.queued_max)
    return None


def _tests_waiting(connection: Connection, user_id: UUID) -> int:
    row = connection.execute(
        "SELECT count(*) FROM transcriptions WHERE user_id = %s AND test AND state = 'queued'",
        (user_id,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def _key_has_ended(connection: Connection, asked: Submission) -> bool:
    """Whether the key it came with is good no more; if not, it stays so until this is queued."""
    if asked.key_id is None:
        return False
    row = connection.execute(
        """
        SELECT FROM api_keys
        WHERE id = %s AND user_id = %s AND test = %s AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > now()) FOR SHARE
        """,
        (asked.key_id, asked.user_id, asked.test),
    ).fetchone()
    return row is None


def _hold(connection: Connection, asked: Submission, hold_ms: int, free_ms: int) -> Declined | None:
    reservation = Reservation(asked.id, asked.user_id, hold_ms, "transcription")
    held = balances.hold(connection, reservation)
    if isinstance(held, ReservationRefusal):
        return Declined(_REFUSALS[held], hold_ms, free_ms)
    return None


def _is_over(connection: Connection, asked: Submission) -> bool:
    """Whether the upload of this id can't be handed in any more; if not, it is locked."""
    row = connection.execute(
        "SELECT user_id, state FROM transcriptions WHERE id = %s FOR UPDATE", (asked.id,)
    ).fetchone()
    if row is None:
        return False
    owner_id, state = row
    return owner_id != asked.user_id or state not in {"uploading", "probing"}


def _queue(
    connection: Connection, asked: Submission, rate_per_mille: int, hold_ms: int
) -> Transcription:
    """The row, made, or taken from its upload."""
    row = connection.execute(
        f"""
        INSERT INTO transcriptions AS t
            (id, user_id, state, name, model, options, metadata, idempotency_key, fingerprint,
             source, measured_ms, rate_per_mille, hold_ms, queued_at, key_id, test)
        VALUES (%(id)s, %(user_id)s, 'queued', %(name)s, %(model)s, %(options)s, %(metadata)s,
                %(idempotency_key)s, %(fingerprint)s, %(source)s, %(measured_ms)s, %(rate)s,
                %(hold_ms)s, clock_timestamp(), %(key_id)s, %(test)s)
        ON CONFLICT (id) DO UPDATE
        SET state = 'queued', name = excluded.name, model = excluded.model,
            options = excluded.options, metadata = excluded.metadata,
            idempotency_key = excluded.idempotency_key, fingerprint = excluded.fingerprint,
            source = excluded.source, measured_ms = excluded.measured_ms,
            rate_per_mille = excluded.rate_per_mille, hold_ms = excluded.hold_ms,
            queued_at = excluded.queued_at, expires_at = NULL, key_id = excluded.key_id,
            test = excluded.test
        RETURNING {COLUMNS}
        """,  # noqa: S608
        {
            **attrs.asdict(asked),
            "options": Jsonb(asked.options),
            "metadata": Jsonb(asked.metadata),
            "rate": rate_per_mille,
            "hold_ms": hold_ms,
        },
    ).fetchone()
    assert row is not None
    return of_row(row)
