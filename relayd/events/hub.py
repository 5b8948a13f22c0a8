"""Who is looking at whose credit, and how they are woken: no queue, one flag for each.

Pure bookkeeping of one daemon. A subscriber that is slow misses nothing: it is told *that*
something changed and reads what is true when it gets to it, so ten changes may be one reading.
"""

from collections.abc import Iterator
from itertools import chain
from uuid import UUID

import attrs
import trio

from relayd.identity import Credential, Principal

__all__ = ["Hub", "HubSubscription"]


@attrs.define(eq=False)
class HubSubscription:
    """One who looks: the hub sets ``changed`` and ``ended``, who looks takes ``changed`` back."""

    principal: Principal
    changed: bool = True
    ended: bool = False
    _wake: trio.Event = attrs.field(factory=trio.Event)

    async def wait(self) -> None:
        """Until something changed or it ended; at once, if so already."""
        while not (self.changed or self.ended):
            self._wake = trio.Event()
            await self._wake.wait()

    def touch(self) -> None:
        """Say that something changed."""
        self.changed = True
        self._wake.set()

    def end(self) -> None:
        """Say that it is over."""
        self.ended = True
        self._wake.set()


@attrs.define(eq=False)
class Hub:
    """Every subscription of this daemon. Nothing in it waits."""

    # False while nobody would tell us of a change: who looks then asks by itself now and then.
    told: bool = False
    # The daemon drains: nobody may begin to look.
    closed: bool = False
    _count: int = 0
    _by_user: dict[UUID, set[HubSubscription]] = attrs.field(factory=dict)

    def __len__(self) -> int:
        return self._count

    def subscribe(self, principal: Principal) -> HubSubscription | None:
        """Begin to look; None once the hub is closed."""
        if self.closed:
            return None
        subscription = HubSubscription(principal)
        self._by_user.setdefault(principal.user_id, set()).add(subscription)
        self._count += 1
        return subscription

    def unsubscribe(self, subscription: HubSubscription) -> None:
        """Stop looking."""
        user_id = subscription.principal.user_id
        own = self._by_user[user_id]
        own.remove(subscription)
        self._count -= 1
        if not own:
            del self._by_user[user_id]

    def credit_changed(self, user_id: UUID) -> None:
        """Wake who looks at this user."""
        for subscription in self._by_user.get(user_id, ()):
            subscription.touch()

    def credential_ended(self, credential: Credential) -> None:
        """End what was opened with it."""
        for subscription in self._all():
            if subscription.principal.credential == credential:
                subscription.end()

    def anything_changed(self) -> None:
        """Wake everybody: something may have happened while nobody told us."""
        for subscription in self._all():
            subscription.touch()

    def close(self) -> None:
        """End every subscription and take no more: the daemon drains."""
        self.closed = True
        for subscription in self._all():
            subscription.end()

    def _all(self) -> Iterator[HubSubscription]:
        return chain.from_iterable(self._by_user.values())
