"""How each documented refusal of keys comes about."""

from typing import Final, Protocol

from quart import Response

from relayd.identity import Scope
from relayd.keys.keys import Keys
from tests.fakes.keys import MemoryKeys
from tests.routes.world import World

__all__ = ["KEYS"]


class Call(Protocol):
    """`tests.routes.refusing.Call`, which imports this."""

    async def ask(self, world: World, *, token: str | None = None, **more: object) -> Response:
        """Call it with the examples of its parameters."""


async def by_key(call: Call) -> Response:
    """A key that is good for everything, where only a sign-in will do."""
    world = World()
    signed_in = (await world.register())["token"]
    return await call.ask(world, token=await world.key(signed_in, *Scope))


async def by_poor_key(call: Call) -> Response:
    """A key that is good for something else."""
    world = World()
    signed_in = (await world.register())["token"]
    return await call.ask(world, token=await world.key(signed_in, Scope.LIVE))


async def one_more(call: Call) -> Response:
    """A key more than one may have."""
    world = World(keys=Keys(MemoryKeys(), per_user_max=1))
    signed_in = (await world.register())["token"]
    await world.key(signed_in, Scope.LIVE)
    return await call.ask(world, token=signed_in)


async def unknown(call: Call) -> Response:
    """A key that isn't there."""
    world = World()
    return await call.ask(world, token=(await world.register())["token"])


async def empty_name(call: Call) -> Response:
    """A key without a name."""
    world = World()
    return await call.ask(world, token=(await world.register())["token"], json={"name": " "})


# By code; where an operation's differ, by operation and code.
KEYS: Final = {
    "sign_in_needed": by_key,
    "missing_scope": by_poor_key,
    "too_many_keys": one_more,
    "unknown_key": unknown,
    "v1_keys_create invalid_field": empty_name,
}
