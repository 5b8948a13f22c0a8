"""A customer at Stripe for every user who is one, made in the background: nobody waits for it.

The outbox in the database has a row for each user from the proof of their address on, or else from
their first purchase on: whoever makes up accounts makes no customers.
"""

from typing import Final
from uuid import UUID

import attrs
import trio

from relayd import logs
from relayd.background import guarded, keep
from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable, StripeUnavailable
from relayd.payments.leases import FIRST_PAUSE_SECONDS, Lease
from relayd.payments.ports import Buyer, StripeApi

__all__ = ["CustomerOutbox", "claim", "forget", "put_off", "record"]

log = logs.get(__name__)

# Whoever is to be a customer is one about this much later.
POLL_SECONDS: Final = 2.0
# Made at the same time; Stripe allows 25 requests a second in test mode.
BATCH: Final = 8
# Between two attempts, however many failed.
PAUSE_SECONDS_MAX: Final = 3600


@attrs.define(eq=False)
class CustomerOutbox:
    """The outbox in the database, and the one worker of this daemon."""

    database: Database
    stripe: StripeApi
    _lease: Lease = attrs.field(init=False)

    @_lease.default
    def _make_lease(self) -> Lease:
        return Lease.of_calls(self.stripe, 1)

    async def run(self) -> None:
        """Make customers until cancelled."""
        await keep("customers", self._work_or_wait, again_seconds=POLL_SECONDS)

    async def _work_or_wait(self) -> None:
        if await self.work() == 0:
            await trio.sleep(POLL_SECONDS)

    async def work(self) -> int:
        """Work once on some that are due; how many customers were made."""
        buyers = await self.database.transact(claim, BATCH, self._lease.seconds)
        made: list[UUID] = []
        async with trio.open_nursery() as nursery:
            for buyer in buyers:
                nursery.start_soon(self._work_on, buyer, made)
        return len(made)

    async def _work_on(self, buyer: Buyer, made: list[UUID]) -> None:
        """One user. Whatever goes wrong, the row is due again: after a pause, or its lease."""
        with guarded("customer could not be made", user=buyer.user_id):
            try:
                if await self._make(buyer):
                    made.append(buyer.user_id)
            except DatabaseUnavailable as error:
                log.warning("customer waits", user=buyer.user_id, problem=str(error))

    async def _make(self, buyer: Buyer) -> bool:
        try:
            customer_id = await self.stripe.create_customer(buyer)
        except StripeUnavailable as error:
            tell = log.error if error.refused else log.warning
            tell("customer waits for Stripe", user=buyer.user_id, problem=str(error))
            await self.database.transact(put_off, buyer.user_id)
            return False
        await self.database.transact(record, buyer.user_id, customer_id)
        log.debug("customer made", user=buyer.user_id, customer=customer_id)
        return True


def claim(connection: Connection, most: int, lease_seconds: float) -> list[Buyer]:
    """Take users who have no customer yet; nobody else takes them until the lease is over."""
    rows = connection.execute(
        """
        UPDATE stripe_customers AS c
        SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => %(lease)s)
        FROM users AS u
        WHERE u.id = c.user_id AND c.user_id IN (
            SELECT user_id FROM stripe_customers
            WHERE customer_id IS NULL AND next_attempt_at <= now()
            ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
        RETURNING u.id, u.email
        """,
        {"most": most, "lease": lease_seconds},
    ).fetchall()
    return [Buyer(row[0], row[1], None) for row in rows]


def put_off(connection: Connection, user_id: UUID) -> None:
    """An attempt failed: the next one is due after a pause that doubles with each."""
    connection.execute(
        """
        UPDATE stripe_customers
        SET next_attempt_at = now() + make_interval(
                secs => least(%(most)s, %(first)s * 2 ^ least(attempts - 1, 9)))
        WHERE user_id = %(user)s AND customer_id IS NULL
        """,
        {"user": user_id, "first": FIRST_PAUSE_SECONDS, "most": PAUSE_SECONDS_MAX},
    )


def record(connection: Connection, user_id: UUID, customer_id: str) -> None:
    """A user has this customer now."""
    connection.execute(
        "UPDATE stripe_customers SET customer_id = %s WHERE user_id = %s AND customer_id IS NULL",
        (customer_id, user_id),
    )


def forget(connection: Connection, user_id: UUID, customer_id: str) -> None:
    """Stripe does not know this customer any more: another one is to be made."""
    connection.execute(
        """
        UPDATE stripe_customers
        SET customer_id = NULL, attempts = 0, next_attempt_at = now() + make_interval(days => 1)
        WHERE user_id = %s AND customer_id = %s
        """,
        (user_id, customer_id),
    )
