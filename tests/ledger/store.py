"""`Books` on PostgreSQL: the same transactions by the same names, through one connection."""

import datetime as dt
from typing import Any
from uuid import UUID, uuid4

import attrs

from relayd.database.ports import Connection
from relayd.identity import Principal
from relayd.ledger import balances, boots, lots, sessions
from relayd.ledger.balances import Entry, Reservation
from relayd.ledger.boots import Pulse
from relayd.ledger.holds import Policy
from relayd.ledger.lots import Grant
from relayd.ledger.outcomes import (
    Balance,
    Booked,
    BookingRefusal,
    Charged,
    ReservationRefusal,
    Reserved,
)
from relayd.ledger.renewals import Renewal, renew, renew_free
from relayd.session.ports import (
    Closed,
    Opened,
    OpenRefusal,
    OpenRequest,
    Renewed,
    Revoked,
    Settlement,
)

__all__ = ["Store"]


@attrs.define(eq=False)
class Store:
    """Each method commits. See `tests.fakes.books.Books` for what they do."""

    connection: Connection

    def add_user(self, balance_ms: int = 0, who: Principal | None = None) -> Principal:
        """A user who signed in once."""
        who = who or Principal.signed_in(uuid4(), uuid4())
        with self.connection.transaction():
            self.connection.execute(
                "INSERT INTO users (id, email, password_hash) VALUES (%s, %s, repeat('x', 60))",
                (who.user_id, f"{who.user_id}@example.org"),
            )
            self.connection.execute(
                "INSERT INTO credit_balance (user_id) VALUES (%s)", (who.user_id,)
            )
        self.sign_in(who)
        if balance_ms:
            self.book(who.user_id, "grant", str(uuid4()), balance_ms)
        return who

    def sign_in(self, who: Principal) -> None:
        """A further sign-in of a user."""
        self._change(
            "INSERT INTO sign_ins (id, user_id, expires_at) VALUES (%s, %s, now() + '1 day')",
            who.sign_in_id,
            who.user_id,
        )

    def revoke(self, sign_in_id: UUID) -> None:
        """End a sign-in."""
        self._change("UPDATE sign_ins SET revoked_at = now() WHERE id = %s", sign_in_id)

    def add_key(self, who: Principal) -> Principal:
        """A key of a user: who comes in with it."""
        keyed = Principal.by_key(who.user_id, uuid4(), who.scopes)
        self._change(
            "INSERT INTO api_keys (id, user_id, name, key_hash, hint, test, scopes)"
            " VALUES (%s, %s, 'k', sha256(%s::text::bytea), '…', false, '{live}')",
            keyed.key_id,
            who.user_id,
            keyed.key_id,
        )
        return keyed

    def end_key(self, key_id: UUID, expired: bool) -> None:
        """Revoke a key, or let it run out."""
        if expired:
            self._change(
                "UPDATE api_keys SET created_at = now() - interval '2 days',"
                " expires_at = now() - interval '1 day' WHERE id = %s",
                key_id,
            )
        else:
            self._change("UPDATE api_keys SET revoked_at = now() WHERE id = %s", key_id)

    def disable(self, user_id: UUID) -> None:
        """End an account."""
        self._change("UPDATE users SET disabled_at = now() WHERE id = %s", user_id)

    def freeze(self, user_id: UUID) -> None:
        """A payment of the user is disputed: one that never came to anything, for the books."""
        purchase_id = uuid4()
        with self.connection.transaction():
            self.connection.execute(
                "INSERT INTO purchases (id, user_id, package_id, label, seconds, price_cents,"
                " currency, status, settled_at)"
                " VALUES (%s, %s, 'p', 'p', 1, 1, 'usd', 'failed', now())",
                (purchase_id, user_id),
            )
            self.connection.execute(
                "INSERT INTO purchase_reversals (id, kind, purchase_id, amount_cents, open, status,"
                " look) VALUES (%s, 'dispute', %s, 0, true, 'needs_response', 1)",
                (str(purchase_id), purchase_id),
            )
            assert balances.set_frozen(self.connection, user_id)

    def thaw(self, user_id: UUID) -> None:
        """Every dispute of the user is decided."""
        with self.connection.transaction():
            self.connection.execute(
                "UPDATE purchase_reversals SET open = false WHERE purchase_id IN"
                " (SELECT id FROM purchases WHERE user_id = %s)",
                (user_id,),
            )
            assert not balances.set_frozen(self.connection, user_id)

    def book(self, user_id: UUID, kind: str, key: str, amount_ms: int) -> Booked | BookingRefusal:
        """Book a grant or an adjustment."""
        with self.connection.transaction():
            entry = Entry(user_id, kind, key, amount_ms, "test")
            return balances.book(self.connection, entry)

    def grant_lot(
        self, user_id: UUID, key: str, amount_ms: int, hours: int, live: bool
    ) -> Booked | BookingRefusal:
        """Grant credit that runs out after so many hours."""
        ends = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
        with self.connection.transaction():
            asked = Grant(user_id, "test", key, amount_ms, ends, "test", live=live)
            return lots.grant(self.connection, asked)

    def claim_lot(self, key: str, claimed_ms: int) -> Balance | None:
        """Take so much of a lot back, by now."""
        with self.connection.transaction():
            return lots.claim(self.connection, "test", key, claimed_ms)

    def pass_time(self, user_id: UUID, hours: int) -> None:
        """So much later, for this user's lots: they run out sooner, which nobody else can do."""
        later = dt.timedelta(hours=hours)
        with self.connection.transaction():
            self.connection.execute("ALTER TABLE credit_lots DISABLE TRIGGER credit_lots_stay")
            self.connection.execute(
                "UPDATE credit_lots SET expires_at = expires_at - %s WHERE user_id = %s",
                (later, user_id),
            )
            self.connection.execute(
                "UPDATE credit_balance SET lots_due_at = lots_due_at - %s WHERE user_id = %s",
                (later, user_id),
            )
            self.connection.execute(
                "ALTER TABLE credit_lots ENABLE ALWAYS TRIGGER credit_lots_stay"
            )

    def expire(self, user_id: UUID) -> None:
        """Take what has run out of a user's lots."""
        with self.connection.transaction():
            balances.lock(self.connection, user_id)

    def lots_of(self, user_id: UUID) -> list[tuple[Any, ...]]:
        """What is recorded of a user's lots, in the order in which they were granted."""
        with self.connection.transaction():
            return self.connection.execute(
                "SELECT source_id, remaining_ms, spent_ms, expired_ms, claimed_ms, taken_ms,"
                " owed_ms FROM credit_lots WHERE user_id = %s ORDER BY number",
                (user_id,),
            ).fetchall()

    def balance(self, user_id: UUID) -> Balance:
        """What a user has."""
        with self.connection.transaction():
            balance = balances.read(self.connection, user_id)
        assert balance is not None
        return balance

    def hold(self, asked: Reservation) -> Reserved | ReservationRefusal:
        """Set credit aside for what is no live stream."""
        with self.connection.transaction():
            return balances.hold(self.connection, asked)

    def settle(self, reservation_id: UUID, charged_ms: int) -> Charged | None:
        """Charge a part of it, and give back the rest."""
        with self.connection.transaction():
            return balances.settle(self.connection, reservation_id, charged_ms, "test")

    def open(self, request: OpenRequest, boot_id: UUID, policy: Policy) -> Opened | OpenRefusal:
        """Open a session of a boot, which is registered at its first."""
        self.register(boot_id)
        with self.connection.transaction():
            return sessions.open_session(self.connection, request, boot_id, policy)

    def renew(
        self, session_id: UUID, used_ms: int, keep_ms: int, policy: Policy
    ) -> Renewed | Revoked:
        """Renew a session."""
        with self.connection.transaction():
            return renew(self.connection, Renewal(session_id, used_ms, keep_ms), policy)

    def renew_together(
        self, renewals: list[tuple[UUID, int, int]], policy: Policy
    ) -> list[Renewed | Revoked]:
        """Renew several at once; those that are not open are left out, and renewed alone."""
        with self.connection.transaction():
            asked = [Renewal(*renewal) for renewal in renewals]
            answers = renew_free(self.connection, asked, policy)
        return [answers.get(one[0]) or self.renew(*one, policy) for one in renewals]

    def close(self, settlement: Settlement) -> Closed:
        """Close a session."""
        with self.connection.transaction():
            return sessions.close_session(self.connection, settlement)

    def register(self, boot_id: UUID) -> None:
        """A daemon starts."""
        with self.connection.transaction():
            boots.register(self.connection, boot_id, "test")

    def beat(self, boot_id: UUID) -> None:
        """A daemon says that it lives."""
        with self.connection.transaction():
            boots.beat(self.connection, boot_id)

    def pulse(self, boot_id: UUID) -> Pulse | None:
        """What a sweeper sees of a boot."""
        return next((one for one in self._pulses() if one.boot_id == boot_id), None)

    def bury(self, boot_id: UUID, beats: int) -> bool:
        """Take a daemon for dead, unless it has beaten since."""
        with self.connection.transaction():
            return boots.bury(self.connection, boot_id, beats)

    def crash(self, boot_id: UUID) -> None:
        """A daemon died, and a sweeper knows."""
        with self.connection.transaction():
            boots.end(self.connection, boot_id)

    def sweep(self) -> int:
        """Settle what dead daemons left open."""
        dead = [pulse.boot_id for pulse in self._pulses() if pulse.ended]
        return sum(self._sweep_boot(boot_id) for boot_id in dead)

    def state(self, user_id: UUID) -> tuple[Any, ...]:
        """All that is recorded of a user, to compare with `state_of` the fake."""
        with self.connection.transaction():
            sessions = self.connection.execute(
                "SELECT id, used_ms, held_ms, starving_since IS NOT NULL, end_reason, reported_ms"
                " FROM transcription_sessions WHERE user_id = %s ORDER BY id",
                (user_id,),
            ).fetchall()
            entries = self.connection.execute(
                "SELECT kind, coalesce(source_id || substr(reference, 37), reference),"
                " e.amount_ms FROM usage_ledger AS e LEFT JOIN credit_lots AS l ON l.id = lot_id"
                " WHERE e.user_id = %s ORDER BY e.id",
                (user_id,),
            ).fetchall()
            reservations = self.connection.execute(
                "SELECT id, held_ms, charged_ms FROM reservations WHERE user_id = %s ORDER BY id",
                (user_id,),
            ).fetchall()
        return self.balance(user_id), sessions, entries, reservations, self.lots_of(user_id)

    def _pulses(self) -> list[Pulse]:
        with self.connection.transaction():
            return boots.pulses(self.connection, uuid4())

    def _sweep_boot(self, boot_id: UUID) -> int:
        with self.connection.transaction():
            session_ids = boots.left_open(self.connection, boot_id)
        swept = 0
        for session_id in session_ids:
            with self.connection.transaction():
                swept += sessions.sweep_session(self.connection, session_id) is not None
        return swept

    def _change(self, statement: Any, *arguments: UUID | None) -> None:
        with self.connection.transaction():
            self.connection.execute(statement, arguments)
