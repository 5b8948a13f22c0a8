"""Endpoints and deliveries in the database: each function is one transaction."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import attrs

from relayd.database.ports import Connection
from relayd.hooks.signature import fresh_secret

__all__ = [
    "ENDPOINTS_MAX",
    "PAUSES_SECONDS",
    "Delivery",
    "Endpoint",
    "Message",
    "add",
    "deliveries",
    "endpoints",
    "lease",
    "next_message",
    "release",
    "remove",
    "send_again",
    "sent",
]

ENDPOINTS_MAX: Final = 100
# After the first attempt, the second, …; after the eighth it is given up.
PAUSES_SECONDS: Final = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
# Whoever sends renews it before every message, which is over well within it.
_LEASE_SECONDS: Final = 60
_GONE: Final = 410
_PAGE: Final = 50

_DELIVERY: Final = """
    d.id, d.number, d.endpoint_id, d.transcription_id, d.event, d.created_at, d.attempts,
    d.due_at, d.delivered_at, d.status, d.problem
"""


@attrs.frozen
class Endpoint:
    """Somebody's address, with what signs for it."""

    id: UUID
    url: str
    secret: str = attrs.field(repr=False)
    every: bool
    created_at: dt.datetime
    disabled_reason: str | None


@attrs.frozen
class Delivery:
    """One message to one endpoint, and what became of it. ``due_at``: when it is sent next."""

    id: UUID
    number: int
    endpoint_id: UUID
    transcription_id: UUID
    event: str
    created_at: dt.datetime
    attempts: int
    due_at: dt.datetime | None
    delivered_at: dt.datetime | None
    status: int | None
    problem: str | None


@attrs.frozen
class Message:
    """A message that is to be sent now: where, and what of the recording is told."""

    id: UUID
    url: str
    secret: str = attrs.field(repr=False)
    event: str
    created_at: dt.datetime
    attempt: int
    transcription_id: UUID
    model: str
    name: str
    measured_ms: int | None
    charged_ms: int | None
    metadata: Mapping[str, Any]
    reason: str | None
    problem: str | None


def add(connection: Connection, user_id: UUID, url: str, *, every: bool) -> Endpoint | None:
    """The endpoint of this address, made where there is none; None where there are too many.

    One that was disabled is asked again. ``every`` is only ever turned on here.
    """
    row = connection.execute(
        """
        INSERT INTO webhook_endpoints AS e (id, user_id, url, secret, every)
        SELECT %(id)s, %(user)s, %(url)s, %(secret)s, %(every)s
        WHERE (SELECT count(*) FROM webhook_endpoints
               WHERE user_id = %(user)s AND url <> %(url)s) < %(most)s
        ON CONFLICT (user_id, url) DO UPDATE
        SET every = e.every OR excluded.every, disabled_at = NULL, disabled_reason = NULL
        RETURNING id, url, secret, every, created_at, disabled_reason
        """,
        {
            "id": uuid4(),
            "user": user_id,
            "url": url,
            "secret": fresh_secret(),
            "every": every,
            "most": ENDPOINTS_MAX,
        },
    ).fetchone()
    return None if row is None else Endpoint(*row)


def endpoints(connection: Connection, user_id: UUID) -> Sequence[Endpoint]:
    """All of a user's, newest first."""
    rows = connection.execute(
        """
        SELECT id, url, secret, every, created_at, disabled_reason FROM webhook_endpoints
        WHERE user_id = %s ORDER BY created_at DESC, id
        """,
        (user_id,),
    ).fetchall()
    return [Endpoint(*row) for row in rows]


def remove(connection: Connection, user_id: UUID, endpoint_id: UUID) -> bool:
    """Forget an endpoint and all that was to be sent there; whether it was there."""
    found = connection.execute(
        "DELETE FROM webhook_endpoints WHERE user_id = %s AND id = %s", (user_id, endpoint_id)
    )
    return found.rowcount == 1


def deliveries(
    connection: Connection, user_id: UUID, endpoint_id: UUID, before: int | None
) -> Sequence[Delivery]:
    """What was and will be sent to an endpoint, newest first, numbers below ``before``."""
    rows = connection.execute(
        f"""
        SELECT {_DELIVERY} FROM webhook_deliveries AS d JOIN webhook_endpoints AS e
            ON e.id = d.endpoint_id
        WHERE e.user_id = %(user)s AND e.id = %(endpoint)s
          AND (%(before)s::bigint IS NULL OR d.number < %(before)s)
        ORDER BY d.number DESC LIMIT %(most)s
        """,  # noqa: S608 - the columns are a constant
        {"user": user_id, "endpoint": endpoint_id, "before": before, "most": _PAGE},
    ).fetchall()
    return [Delivery(*row) for row in rows]


def send_again(connection: Connection, user_id: UUID, delivery_id: UUID) -> Delivery | None:
    """Send a message once more, from its first attempt on; None where there is none."""
    row = connection.execute(
        f"""
        UPDATE webhook_deliveries AS d
        SET due_at = now(), attempts = 0, delivered_at = NULL, status = NULL, problem = NULL
        FROM webhook_endpoints AS e
        WHERE d.id = %s AND e.id = d.endpoint_id AND e.user_id = %s AND e.disabled_at IS NULL
        RETURNING {_DELIVERY}
        """,  # noqa: S608
        (delivery_id, user_id),
    ).fetchone()
    return None if row is None else Delivery(*row)


def lease(connection: Connection) -> UUID | None:
    """Have the lane of an endpoint to which something is due, alone; None where there is none."""
    row = connection.execute(
        """
        UPDATE webhook_endpoints SET leased_until = now() + make_interval(secs => %s)
        WHERE id = (
            SELECT e.id FROM webhook_deliveries AS d JOIN webhook_endpoints AS e
                ON e.id = d.endpoint_id
            WHERE d.due_at <= now() AND e.leased_until <= now() AND e.disabled_at IS NULL
            ORDER BY d.due_at LIMIT 1 FOR UPDATE OF e SKIP LOCKED
        )
        RETURNING id
        """,
        (_LEASE_SECONDS,),
    ).fetchone()
    return None if row is None else row[0]


def next_message(connection: Connection, endpoint_id: UUID) -> Message | None:
    """Begin the attempt that is due longest in this lane, and keep the lane.

    What is told of a recording that was deleted meanwhile is told nobody any more.
    """
    connection.execute(
        """
        UPDATE webhook_deliveries AS d SET due_at = NULL, problem = 'the recording was deleted'
        FROM transcriptions AS t
        WHERE d.endpoint_id = %s AND d.due_at <= now()
          AND t.id = d.transcription_id AND t.state = 'deleted'
        """,
        (endpoint_id,),
    )
    row = connection.execute(
        """
        WITH next AS (
            UPDATE webhook_deliveries
            -- Should its sender die, it is sent again after the lease.
            SET attempts = attempts + 1, due_at = now() + make_interval(secs => %(lease)s)
            WHERE id = (
                SELECT id FROM webhook_deliveries
                WHERE endpoint_id = %(endpoint)s AND due_at <= now()
                ORDER BY due_at, number LIMIT 1
            )
            RETURNING *
        ), lane AS (
            UPDATE webhook_endpoints SET leased_until = now() + make_interval(secs => %(lease)s)
            WHERE id = %(endpoint)s AND disabled_at IS NULL RETURNING *
        )
        SELECT next.id, lane.url, lane.secret, next.event, next.created_at, next.attempts,
               t.id, t.model, t.name, t.measured_ms, t.charged_ms, t.metadata, t.reason, t.problem
        FROM next CROSS JOIN lane JOIN transcriptions AS t ON t.id = next.transcription_id
        """,
        {"endpoint": endpoint_id, "lease": _LEASE_SECONDS},
    ).fetchone()
    return None if row is None else Message(*row)


def sent(connection: Connection, message: Message, status: int | None, problem: str | None) -> bool:
    """Record what an attempt came to, and when the next one is; whether it was delivered.

    410 means that nobody is there any more: nothing is sent to that endpoint again.
    """
    delivered = status is not None and 200 <= status < 300  # noqa: PLR2004 - RFC 9110, 15.3
    pause = None
    if not delivered and status != _GONE and message.attempt <= len(PAUSES_SECONDS):
        pause = PAUSES_SECONDS[message.attempt - 1]
    row = connection.execute(
        """
        UPDATE webhook_deliveries
        SET due_at = now() + make_interval(secs => %(pause)s), status = %(status)s,
            problem = %(problem)s, delivered_at = CASE WHEN %(delivered)s THEN now() END
        WHERE id = %(id)s AND attempts = %(attempt)s RETURNING endpoint_id
        """,
        {
            "id": message.id,
            "attempt": message.attempt,
            "pause": pause,
            "status": status,
            "problem": problem,
            "delivered": delivered,
        },
    ).fetchone()
    if row is not None and status == _GONE:
        _disable(connection, row[0])
    return delivered


def release(connection: Connection, endpoint_id: UUID) -> None:
    """Let go of a lane."""
    connection.execute(
        "UPDATE webhook_endpoints SET leased_until = now() WHERE id = %s", (endpoint_id,)
    )


def _disable(connection: Connection, endpoint_id: UUID) -> None:
    connection.execute(
        """
        UPDATE webhook_endpoints SET disabled_at = now(), disabled_reason = 'it answered 410 Gone'
        WHERE id = %s
        """,
        (endpoint_id,),
    )
    connection.execute(
        """
        UPDATE webhook_deliveries SET due_at = NULL, problem = 'the endpoint is gone'
        WHERE endpoint_id = %s AND due_at IS NOT NULL
        """,
        (endpoint_id,),
    )
