"""The credit that a new user begins with: once for an address, whatever becomes of its accounts."""

import hashlib
import hmac
from typing import Final, Self

import attrs

from relayd.accounts.outcomes import User
from relayd.config import Auth
from relayd.database.ports import Connection
from relayd.ledger import balances
from relayd.ledger.balances import Entry

__all__ = ["Gift"]

# Of a key that is used for this alone.
_GIFTS: Final = b"relayd: who was given free credit"


@attrs.frozen
class Gift:
    """How much. ``pepper`` makes the ledger's name of it, which doesn't tell the address."""

    amount_ms: int
    pepper: bytes = attrs.field(repr=False)

    @classmethod
    def configured(cls, auth: Auth) -> Self | None:
        """As the operator has it; None where nothing is given."""
        if not auth.free_seconds:
            return None
        return cls(auth.free_seconds * 1000, auth.pepper.reveal().encode())

    def give(self, connection: Connection, user: User) -> None:
        """Book it, unless user or address was given it before; a step of other transactions."""
        given = connection.execute(
            "SELECT FROM usage_ledger WHERE user_id = %s AND reference LIKE 'free-%%'", (user.id,)
        ).fetchone()
        if given is not None:
            return
        key = hmac.digest(self.pepper, _GIFTS + user.email.encode(), hashlib.sha256).hex()
        entry = Entry(user.id, "grant", f"free-{key}", self.amount_ms, "free credit")
        # Where another account of this address was given it, nothing is booked.
        balances.book(connection, entry)
