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


async def by_operator(call: Call) -> Response:
    """A good key of the operator's, in a world as it is."""
    world = World()
    signed_in = (await world.register())["token"]
    return await call.ask(world, token=await world.key(signed_in, Scope.ADMIN))


async def for_a_long_reason(call: Call) -> Response:
    """Longer than the trail takes."""
    world = World()
    key = await world.key((await world.register())["token"], Scope.ADMIN)
    return await call.ask(world, token=key, query_string={"reason": "x" * 201})


async def for_existing(call: Call) -> Response:
    """The same, of an account that there is."""
    world = World()
    token = (await world.register())["token"]
    (known,) = world.store.users.values()
    return await world.ask(
        f"/api/v1/admin/users/{known.id}",
        token=await world.key(token, Scope.ADMIN),
        query_string={"reason": "x" * 201},
    )


# By code; where an operation's differ, by operation and code.
KEYS: Final = {
    "sign_in_needed": by_key,
    "missing_scope": by_poor_key,
    "too_many_keys": one_more,
    "unknown_key": unknown,
    "v1_keys_create invalid_field": empty_name,
    "unknown_user": by_operator,
    "v1_admin_queue_stats invalid_field": for_a_long_reason,
    "v1_admin_users invalid_field": for_a_long_reason,
    "v1_admin_user invalid_field": for_existing,
}
