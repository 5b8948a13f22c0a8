"""A customer at Stripe for every user, made in the background: registering waits for nobody."""

from typing import Final
from uuid import UUID

import attrs
import trio

from relayd import logs
from relayd.database.ports import Database
from relayd.errors import DatabaseUnavailable, StripeUnavailable
from relayd.payments import customer_statements
from relayd.payments.leases import Lease
from relayd.payments.ports import Buyer, StripeApi

__all__ = ["CustomerOutbox"]

log = logs.get(__name__)

# A fresh user has a customer about this much later.
POLL_SECONDS: Final = 2.0
# Made at the same time; Stripe allows 25 requests a second in test mode.
BATCH: Final = 8


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
        while True:
            if await self._work_if_possible() == 0:
                await trio.sleep(POLL_SECONDS)

    async def _work_if_possible(self) -> int:
        try:
            return await self.work()
        except DatabaseUnavailable as error:
            log.warning("customers wait", problem=str(error))
        except Exception as error:  # noqa: BLE001 - no customer is worth the end of the streams
            log.fault("customers could not be made", error)
        return 0

    async def work(self) -> int:
        """Work once on some that are due; how many customers were made."""
        buyers = await self.database.transact(customer_statements.claim, BATCH, self._lease.seconds)
        made: list[UUID] = []
        async with trio.open_nursery() as nursery:
            for buyer in buyers:
                nursery.start_soon(self._work_on, buyer, made)
        return len(made)

    async def _work_on(self, buyer: Buyer, made: list[UUID]) -> None:
        """One user. Whatever goes wrong, the row is due again: after a pause, or its lease."""
        try:
            if await self._make(buyer):
                made.append(buyer.user_id)
        except DatabaseUnavailable as error:
            log.warning("customer waits", user=buyer.user_id, problem=str(error))
        except Exception as error:  # noqa: BLE001 - nor is it worth another user's customer
            log.fault("customer could not be made", error, user=buyer.user_id)

    async def _make(self, buyer: Buyer) -> bool:
        try:
            customer_id = await self.stripe.create_customer(buyer)
        except StripeUnavailable as error:
            tell = log.error if error.refused else log.warning
            tell("customer waits for Stripe", user=buyer.user_id, problem=str(error))
            await self.database.transact(customer_statements.put_off, buyer.user_id)
            return False
        await self.database.transact(customer_statements.record, buyer.user_id, customer_id)
        log.debug("customer made", user=buyer.user_id, customer=customer_id)
        return True
