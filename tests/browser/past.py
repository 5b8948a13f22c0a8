"""A month that somebody had: sessions of the last thirty days, for pages that show them."""

import datetime as dt
import math
from typing import Final
from uuid import uuid4

import attrs
import psycopg

from relayd.database.ports import Connection
from tests.browser.people import Person

__all__ = ["give_past"]

DAYS: Final = 30
BOUGHT_MS: Final = 500 * 60_000
REASONS: Final = ("completed", "completed", "completed", "client_gone", "idle_timeout")


@attrs.frozen
class PastSession:
    """One session, so many days ago."""

    days_ago: int
    used_ms: int
    reason: str


def give_past(database_url: str, person: Person) -> None:
    """Write a month of use into the books, which stay balanced."""
    month = _month()
    with psycopg.connect(database_url) as connection:
        (now,) = connection.execute("SELECT now()").fetchone() or ()
        boot_id = uuid4()
        connection.execute(
            "INSERT INTO boots (boot_id, host, ended_at) VALUES (%s, 'past', now())", (boot_id,)
        )
        connection.execute(
            "INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason, created_at)"
            " VALUES (%s, 'grant', %s, %s, 'for a picture', %s)",
            (person.user_id, str(uuid4()), BOUGHT_MS, now - dt.timedelta(days=DAYS - 1)),
        )
        for one in month:
            _insert(connection, person, one, boot_id, now)
        connection.execute(
            "UPDATE credit_balance SET balance_ms = balance_ms + %s WHERE user_id = %s",
            (BOUGHT_MS - sum(one.used_ms for one in month), person.user_id),
        )


def _month() -> list[PastSession]:
    """The same one every time: busy in the middle of a week, quiet at its end."""
    sessions = []
    for days_ago in reversed(range(1, DAYS - 1)):
        minutes = 11 * max(math.sin(days_ago * 2 * math.pi / 7 + 1) + 0.6, 0) + days_ago % 3
        if minutes > 1:
            reason = REASONS[days_ago % len(REASONS)]
            sessions.append(PastSession(days_ago, round(minutes * 60_000), reason))
    return sessions


def _insert(
    connection: Connection, person: Person, one: PastSession, boot_id: object, now: dt.datetime
) -> None:
    ended = now - dt.timedelta(days=one.days_ago, minutes=37 * one.days_ago % 240)
    session_id = uuid4()
    connection.execute(
        "INSERT INTO transcription_sessions (id, user_id, boot_id, engine, model, client_address,"
        " started_at, ended_at, used_ms, held_ms, end_reason)"
        " VALUES (%s, %s, %s, 'deepgram', 'nova-3', '192.0.2.7', %s, %s, %s, %s, %s)",
        (
            session_id,
            person.user_id,
            boot_id,
            ended - dt.timedelta(milliseconds=one.used_ms),
            ended,
            one.used_ms,
            one.used_ms,
            one.reason,
        ),
    )
    connection.execute(
        "INSERT INTO usage_ledger"
        " (user_id, kind, reference, session_id, amount_ms, reason, created_at)"
        " VALUES (%s, 'session', %s, %s, %s, %s, %s)",
        (person.user_id, str(session_id), session_id, -one.used_ms, one.reason, ended),
    )
