"""The transactions of the queue: a letter waits in the database from the moment it has a reason.

It is written in the transaction of what it tells of, so that neither is ever there without the
other. Rows are taken by writing when they are due again (a lease), as `relayd.payments` does: a
daemon that dies loses none, and at worst sends one twice.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import attrs
from psycopg.types.json import Jsonb

from relayd.database.ports import Connection
from relayd.mail.letters import Kind, Letter

__all__ = ["FIRST_PAUSE_SECONDS", "Due", "claim", "discard_old", "post", "put_off", "remove"]

# After the first failure; twice as long after each further one, up to an hour.
FIRST_PAUSE_SECONDS: Final = 15
PAUSE_SECONDS_MAX: Final = 3600


@attrs.frozen
class Due:
    """A letter that is to be sent now."""

    id: UUID
    user_id: UUID
    kind: Kind = attrs.field(converter=Kind)
    address: str = attrs.field(repr=False)
    facts: Mapping[str, str] = attrs.field(repr=False)


def post(connection: Connection, letter: Letter, user_id: UUID, address: str) -> None:
    """Queue a letter, and make its link good; a step of other transactions."""
    if letter.link_hash is not None:
        connection.execute(
            """
            INSERT INTO one_time_links (id, token_hash, user_id, kind, email, expires_at)
            VALUES (%s, %s, %s, %s, %s, now() + make_interval(secs => %s))
            """,
            (
                letter.id,
                letter.link_hash,
                user_id,
                letter.kind.value,
                address,
                letter.kind.seconds,
            ),
        )
    connection.execute(
        """
        INSERT INTO mails (id, user_id, kind, email, facts, expires_at)
        VALUES (%s, %s, %s, %s, %s, now() + make_interval(secs => %s))
        """,
        (
            letter.id,
            user_id,
            letter.kind.value,
            address,
            Jsonb(dict(letter.facts)),
            letter.kind.seconds,
        ),
    )


def claim(connection: Connection, most: int, lease_seconds: float) -> list[Due]:
    """Take letters that are due; nobody else takes them until the lease is over."""
    rows = connection.execute(
        """
        UPDATE mails
        SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => %(lease)s)
        WHERE id IN (
            SELECT id FROM mails WHERE next_attempt_at <= now() AND expires_at > now()
            ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
        RETURNING id, user_id, kind, email, facts
        """,
        {"most": most, "lease": lease_seconds},
    ).fetchall()
    return [Due(*row) for row in rows]


def remove(connection: Connection, mail_id: UUID) -> None:
    """A letter was sent, or can't be; its link stays good for its time."""
    connection.execute("DELETE FROM mails WHERE id = %s", (mail_id,))


def put_off(connection: Connection, mail_id: UUID) -> None:
    """An attempt failed: the next one is due after a pause that doubles with each."""
    connection.execute(
        """
        UPDATE mails
        SET next_attempt_at = now() + make_interval(
                secs => least(%(most)s, %(first)s * 2 ^ least(attempts - 1, 9)))
        WHERE id = %(id)s
        """,
        {"id": mail_id, "first": FIRST_PAUSE_SECONDS, "most": PAUSE_SECONDS_MAX},
    )


def discard_old(connection: Connection, most: int) -> list[Due]:
    """Take out letters that could not be sent while they were worth it, and links past their time.

    Returns the letters.
    """
    connection.execute(
        """
        DELETE FROM one_time_links WHERE id IN (
            SELECT id FROM one_time_links WHERE expires_at <= now()
            ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED)
        """,
        (most,),
    )
    rows = connection.execute(
        """
        DELETE FROM mails WHERE id IN (
            SELECT id FROM mails WHERE expires_at <= now()
            ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED)
        RETURNING id, user_id, kind, email, facts
        """,
        (most,),
    ).fetchall()
    return [Due(*row) for row in rows]
