"""A shop that says what it was told to, for whatever can be refused there."""

from typing import Any

import attrs
import trio

from relayd.routes.toolkit.wiring import EXTENSION
from tests.routes.world import World

__all__ = ["Till", "open_shop"]


@attrs.define(eq=False)
class Till:
    """A shop that says what it was told to."""

    outcome: Any = None

    async def checkout(self, *_: Any) -> Any:
        """Begin no purchase."""
        return await self._say()

    async def purchase(self, *_: Any, **__: Any) -> Any:
        """Know of none."""
        return await self._say()

    async def any_purchase(self, *_: Any) -> Any:
        """Know of none."""
        return await self._say()

    async def purchases(self, *_: Any) -> Any:
        """Know of none."""
        return await self._say()

    async def receipt(self, *_: Any) -> Any:
        """Find none."""
        return await self._say()

    @property
    def plans(self) -> list[Any]:
        """Sell none."""
        return []

    @property
    def subscribing(self) -> "Till":
        """What is paid every month."""
        return self

    async def begin(self, *_: Any) -> Any:
        """Begin no subscription."""
        return await self._say()

    async def portal(self, *_: Any) -> Any:
        """Open no portal."""
        return await self._say()

    async def standing(self, *_: Any, **__: Any) -> Any:
        """Know of none."""
        return await self._say()

    async def come_back(self, *_: Any, **__: Any) -> Any:
        """Know of none."""
        return await self._say()

    async def webhook(self, *_: Any) -> Any:
        """Keep nothing."""
        return await self._say()

    async def _say(self) -> Any:
        await trio.lowlevel.checkpoint()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def open_shop(world: World, till: Till, **changes: Any) -> None:
    """Sell in this world."""
    wiring = world.app.extensions[EXTENSION]
    services = attrs.evolve(
        wiring.services, shop=till, public_url="https://relay.example.org", **changes
    )
    world.app.extensions[EXTENSION] = attrs.evolve(wiring, services=services)
