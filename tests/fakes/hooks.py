"""Webhooks in memory."""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID, uuid4

import attrs
import trio

from relayd.hooks.rows import Delivery, Endpoint

__all__ = ["MemoryHooks"]

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@attrs.define(eq=False)
class MemoryHooks:
    """Implements what the routes need of `Webhooks`."""

    most: int = 100
    found: dict[UUID, list[Endpoint]] = attrs.field(factory=dict)
    sent: dict[UUID, tuple[UUID, Delivery]] = attrs.field(factory=dict)

    async def add(self, user_id: UUID, url: str, *, every: bool) -> Endpoint | None:
        """One for each address."""
        await trio.lowlevel.checkpoint()
        own = self.found.setdefault(user_id, [])
        for number, one in enumerate(own):
            if one.url == url:
                own[number] = attrs.evolve(one, every=one.every or every)
                return own[number]
        if len(own) >= self.most:
            return None
        own.insert(0, Endpoint(uuid4(), url, "whsec_AAAA", every, NOW, None))
        return own[0]

    async def endpoints(self, user_id: UUID) -> Sequence[Endpoint]:
        """Newest first."""
        await trio.lowlevel.checkpoint()
        return self.found.get(user_id, [])

    async def remove(self, user_id: UUID, endpoint_id: UUID) -> bool:
        """Forget it."""
        await trio.lowlevel.checkpoint()
        own = self.found.get(user_id, [])
        kept = [one for one in own if one.id != endpoint_id]
        self.found[user_id] = kept
        return len(kept) < len(own)

    async def deliveries(
        self, user_id: UUID, endpoint_id: UUID, before: int | None = None
    ) -> Sequence[Delivery]:
        """Of one's own."""
        await trio.lowlevel.checkpoint()
        return [
            one
            for owner, one in self.sent.values()
            if (owner, one.endpoint_id) == (user_id, endpoint_id)
        ]

    async def send_again(self, user_id: UUID, delivery_id: UUID) -> Delivery | None:
        """Due at once."""
        await trio.lowlevel.checkpoint()
        owner, one = self.sent.get(delivery_id, (None, None))
        if owner != user_id or one is None:
            return None
        return attrs.evolve(one, attempts=0, due_at=NOW, delivered_at=None, status=None)

    def tell(self, user_id: UUID, endpoint_id: UUID) -> Delivery:
        """Something was sent there."""
        made = Delivery(
            uuid4(),
            7,
            endpoint_id,
            uuid4(),
            "transcription.completed",
            NOW,
            1,
            None,
            NOW,
            200,
            None,
        )
        self.sent[made.id] = (user_id, made)
        return made
