"""A user's webhooks: whom to tell, what was told, and telling it once more."""

from collections.abc import Sequence
from uuid import UUID

import attrs

from relayd.database.ports import Database
from relayd.hooks import rows
from relayd.hooks.rows import Delivery, Endpoint

__all__ = ["Webhooks"]


@attrs.frozen
class Webhooks:
    """Every call is one transaction and raises `DatabaseUnavailable`."""

    database: Database

    async def add(self, user_id: UUID, url: str, *, every: bool) -> Endpoint | None:
        """The endpoint of this address; None where there are too many."""
        return await self.database.transact(rows.add, user_id, url, every=every)

    async def endpoints(self, user_id: UUID) -> Sequence[Endpoint]:
        """All of them, newest first."""
        return await self.database.transact(rows.endpoints, user_id)

    async def remove(self, user_id: UUID, endpoint_id: UUID) -> bool:
        """Forget one; whether it was there."""
        return await self.database.transact(rows.remove, user_id, endpoint_id)

    async def deliveries(
        self, user_id: UUID, endpoint_id: UUID, before: int | None = None
    ) -> Sequence[Delivery]:
        """What was and will be sent there, newest first, at most fifty."""
        return await self.database.transact(rows.deliveries, user_id, endpoint_id, before)

    async def send_again(self, user_id: UUID, delivery_id: UUID) -> Delivery | None:
        """Send one once more; None where there is none, or nobody there any more."""
        return await self.database.transact(rows.send_again, user_id, delivery_id)
