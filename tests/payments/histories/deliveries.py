"""The post between Stripe and a webhook, in the hands of a test: any event, any time, or never."""

import attrs

from tests.stripe_standin import Account
from tests.stripe_standin.shapes import Json

__all__ = ["Deliveries"]


@attrs.define(eq=False)
class Deliveries:
    """What Stripe wrote and nobody has brought yet, and what was brought and may come again."""

    account: Account
    waiting: list[Json] = attrs.field(factory=list)
    brought: list[Json] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.account.records.on_event = self.waiting.append

    def next(self, place: int) -> Json | None:
        """One of those that wait, to be brought now."""
        if not self.waiting:
            return None
        event = self.waiting.pop(place % len(self.waiting))
        self.brought.append(event)
        return event

    def again(self, place: int) -> Json | None:
        """One that was brought before."""
        return self.brought[place % len(self.brought)] if self.brought else None

    def lose(self, place: int) -> None:
        """One that will never come."""
        if self.waiting:
            del self.waiting[place % len(self.waiting)]
