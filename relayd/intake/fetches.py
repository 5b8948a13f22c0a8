"""The rows of recordings that are to be fetched, and the transactions on them."""

from typing import Final
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.intake.asked import Asked
from relayd.transcriptions import submitting
from relayd.transcriptions.outcomes import Declined, DeclinedReason, Incoming, Transcription

__all__ = ["Fetch", "begin", "claim", "finish", "postpone", "renew"]

# A process that fetches renews well within this; one that died is followed by another after it.
_LEASE_SECONDS: Final = 60


@attrs.frozen
class Fetch:
    """One that was claimed. ``attempt`` is the claim's number."""

    transcription_id: UUID
    user_id: UUID
    url: str
    asked: Asked
    fingerprint: bytes
    attempt: int
    failures: int


def begin(
    connection: Connection, incoming: Incoming, asked: Asked, url: str, seconds: float
) -> Transcription | Declined:
    """Record an upload and its fetch; the same request again is the same one.

    ``seconds``: when it is given up.
    """
    transcription = submitting.begin(connection, incoming, seconds)
    fingerprint = asked.fingerprint(url.encode())
    connection.execute(
        """
        INSERT INTO fetches (transcription_id, url, idempotency_key, fingerprint)
        SELECT id, %(url)s, %(key)s, %(fingerprint)s FROM transcriptions
        WHERE id = %(id)s AND state = 'uploading'
        ON CONFLICT (transcription_id) DO NOTHING
        """,
        {
            "id": incoming.id,
            "url": url,
            "key": asked.idempotency_key,
            "fingerprint": fingerprint,
        },
    )
    row = connection.execute(
        "SELECT fingerprint FROM fetches WHERE transcription_id = %s", (incoming.id,)
    ).fetchone()
    # Of one that was deleted there is nothing left to compare with.
    if row is not None and row[0] != fingerprint:
        return Declined(DeclinedReason.KEY_TAKEN)
    return transcription


def claim(connection: Connection) -> Fetch | None:
    """Begin the one that is due longest, or None."""
    row = connection.execute(
        """
        UPDATE fetches AS f
        SET attempt = f.attempt + 1, due_at = now() + make_interval(secs => %s)
        FROM transcriptions AS t
        WHERE t.id = f.transcription_id AND f.transcription_id = (
            SELECT transcription_id FROM fetches
            WHERE done_at IS NULL AND due_at <= now()
            ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        RETURNING f.transcription_id, t.user_id, f.url, f.idempotency_key, f.fingerprint,
                  f.attempt, f.failures, t.key_id, t.test, t.model, t.name, t.options, t.metadata
        """,
        (_LEASE_SECONDS,),
    ).fetchone()
    if row is None:
        return None
    identity, user_id, url, key, fingerprint, attempt, failures, key_id, test, *rest = row
    asked = attrs.evolve(Asked.recorded(*rest, idempotency_key=key), key_id=key_id, test=test)
    return Fetch(identity, user_id, url, asked, fingerprint, attempt, failures)


def renew(connection: Connection, fetch: Fetch) -> bool:
    """Keep the claim; whether it still counts."""
    return _move(connection, fetch, _LEASE_SECONDS, failures=0)


def postpone(connection: Connection, fetch: Fetch, seconds: float, *, failures: int) -> bool:
    """Let it be begun again after a while; ``failures`` is 1 where the other side failed."""
    return _move(connection, fetch, seconds, failures)


def finish(connection: Connection, fetch: Fetch) -> None:
    """It came, or never will."""
    connection.execute(
        "UPDATE fetches SET done_at = now() WHERE transcription_id = %s AND attempt = %s",
        (fetch.transcription_id, fetch.attempt),
    )


def _move(connection: Connection, fetch: Fetch, seconds: float, failures: int) -> bool:
    found = connection.execute(
        """
        UPDATE fetches AS f
        SET due_at = now() + make_interval(secs => %(seconds)s),
            failures = f.failures + %(failures)s
        FROM transcriptions AS t
        WHERE f.transcription_id = %(id)s AND f.attempt = %(attempt)s AND f.done_at IS NULL
          AND t.id = f.transcription_id AND t.state IN ('uploading', 'probing')
        """,
        {
            "id": fetch.transcription_id,
            "attempt": fetch.attempt,
            "seconds": seconds,
            "failures": failures,
        },
    )
    return found.rowcount == 1
