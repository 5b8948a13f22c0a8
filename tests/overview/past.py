"""A past for the overview to look back on: what ended when, written as the daemon writes it."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

import attrs

from relayd.database.ports import Connection
from tests.ledger.store import Store

__all__ = ["NOW", "Past", "Turn"]

# Every test reckons from now: what is "today" is the database's to say.
NOW = dt.datetime.now(dt.UTC)


class Turn(NamedTuple):
    """What a session cost while one engine heard it."""

    engine: str
    model: str
    rate: int
    charged_ms: int
    streams: int = 1
    last: bool = False


@attrs.define(eq=False)
class Past:
    """One user's sessions, recordings and purchases."""

    connection: Connection
    user_id: UUID = attrs.field(init=False)
    boot_id: UUID = attrs.field(factory=uuid4)

    def __attrs_post_init__(self) -> None:
        self.user_id = Store(self.connection).add_user().user_id
        self.connection.execute(
            "INSERT INTO boots (boot_id, host, ended_at) VALUES (%s, 'past', now())",
            (self.boot_id,),
        )

    def session(
        self,
        ended: dt.datetime | None,
        used_ms: int = 60_000,
        *,
        engine: str = "deepgram",
        model: str = "nova-3",
        rate: int = 1000,
        reason: str = "completed",
        turns: Sequence[Turn] = (),
    ) -> None:
        """A stream; one without an end is live. ``turns``: where several engines heard it."""
        session_id = uuid4()
        self.connection.execute(
            """
            INSERT INTO transcription_sessions
                (id, user_id, boot_id, engine, model, client_address, started_at, ended_at,
                 used_ms, held_ms, end_reason, rate)
            VALUES (%s, %s, %s, %s, %s, '', coalesce(%s, now()), %s, %s, %s, %s, %s)
            """,
            (
                *(session_id, self.user_id, self.boot_id, engine, model, ended, ended),
                *(used_ms, used_ms, None if ended is None else reason, rate),
            ),
        )
        for turn in turns:
            self.connection.execute(
                "INSERT INTO session_engines VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (session_id, *turn),
            )

    def recording(
        self, ended: dt.datetime, decoded_ms: int, charged_ms: int, *, state: str = "done"
    ) -> None:
        """A recording that an engine worked on."""
        failed = state == "failed"
        self.connection.execute(
            """
            INSERT INTO transcriptions
                (id, user_id, state, model, hold_ms, engine, result, decoded_ms, charged_ms, reason,
                 created_at, queued_at, started_at, ended_at)
            VALUES (%(id)s, %(user)s, %(state)s, 'whisper-base', %(charged)s, 'whispercpp',
                    %(result)s, %(decoded)s, %(charged)s, %(reason)s,
                    %(at)s, %(at)s, %(at)s, %(at)s)
            """,
            {
                "id": uuid4(),
                "user": self.user_id,
                "state": state,
                "result": None if failed else "results/one",
                "decoded": decoded_ms,
                "charged": charged_ms,
                "reason": "engine_failed" if failed else None,
                "at": ended,
            },
        )

    def purchase(self, paid: dt.datetime, cents: int, *, taken_back: int = 0) -> None:
        """A purchase that was paid, and what of its price a refund took back."""
        purchase_id = uuid4()
        self.connection.execute(
            """
            INSERT INTO purchases (id, user_id, package_id, label, seconds, price_cents, currency,
                                   status, created_at, settled_at)
            VALUES (%s, %s, 'p', 'A package', 600, %s, 'usd', 'paid', %s, %s)
            """,
            (purchase_id, self.user_id, cents, paid, paid),
        )
        if taken_back:
            self.connection.execute(
                """
                INSERT INTO purchase_reversals
                    (id, kind, purchase_id, amount_cents, counted_cents, status, look, created_at)
                VALUES (%s, 'refund', %s, %s, %s, 'succeeded', 1, %s)
                """,
                (f"re_{purchase_id}", purchase_id, taken_back, taken_back, paid),
            )
