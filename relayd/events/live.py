"""What a route needs to show credit live."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import attrs

from relayd.events.credit import Reader
from relayd.events.hub import Hub
from relayd.quotas.blocks import caps_of
from relayd.quotas.counters import Counters
from relayd.quotas.limits import Cap, Quotas

__all__ = ["LiveCredit"]

# A person has a few devices, and a page that nobody sees lets go of its stream.
PER_USER_MAX: Final = 8
# An office has some, and a tenth of all is what one address may have.
PER_ADDRESS_MAX: Final = 50
# Each holds a connection and some 20 KiB of tasks and buffers: 10 MiB in all.
IN_ALL_MAX: Final = 500


@attrs.frozen
class LiveCredit:
    """Who is woken, what is read then, and how many may look at once."""

    hub: Hub
    reader: Reader
    quotas: Quotas = attrs.field(factory=Counters)
    per_user_max: int = PER_USER_MAX
    per_address_max: int = PER_ADDRESS_MAX
    in_all_max: int = IN_ALL_MAX

    def places(self, user_id: UUID, address: str) -> Sequence[Cap]:
        """What one look takes."""
        return (
            Cap(f"live credit {user_id}", self.per_user_max),
            *caps_of("live credit", address, self.per_address_max),
            Cap("live credit", self.in_all_max),
        )

    async def has_room(self, user_id: UUID, address: str) -> bool:
        """Whether this user may look once more from there, and anybody at all."""
        places = self.places(user_id, address)
        if await self.quotas.enter(places) is not None:
            return False
        self.quotas.leave(places)
        return True
