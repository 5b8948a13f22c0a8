"""A customer at Stripe for every user, made in the background: registering waits for nobody."""

from typing import Final

import attrs
import trio

from relayd import logs
from relayd.database.ports import Database
from relayd.errors import DatabaseUnavailable, StripeUnavailable
from relayd.payments import customer_statements
from relayd.payments.ports import Buyer, StripeApi

__all__ = ["CustomerOutbox"]

log = logs.get(__name__)

# A fresh user has a customer about this much later.
POLL_SECONDS: Final = 2.0
# Made at once; Stripe allows 25 requests a second in test mode.
BATCH: Final = 8


@attrs.define(eq=False)
class CustomerOutbox:
    """The outbox in the database, and the one worker of this daemon."""

    database: Database
    stripe: StripeApi

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
        buyers = await self.database.transact(customer_statements.claim, BATCH)
        made = 0
        for buyer in buyers:
            if await self._work_on(buyer):
                made += 1
        return made

    async def _work_on(self, buyer: Buyer) -> bool:
        """One user. Whatever goes wrong, the row is due again when its lease is over."""
        try:
            customer_id = await self.stripe.create_customer(buyer)
            await self.database.transact(customer_statements.record, buyer.user_id, customer_id)
        except StripeUnavailable as error:
            tell = log.error if error.refused else log.warning
            tell("customer waits for Stripe", user=buyer.user_id, problem=str(error))
            return False
        log.debug("customer made", user=buyer.user_id, customer=customer_id)
        return True
