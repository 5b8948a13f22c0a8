"""How each documented refusal of what operators' programs do by hand comes about."""

from typing import Final

from quart import Response

from relayd.accounts.operators import OperatorRefusal
from relayd.accounts.outcomes import Delayed
from relayd.identity import Scope
from tests.routes.refusing import Call, Scenario, sent
from tests.routes.world import World

__all__ = ["BY_HAND"]

_ADJUST: Final = "v1_by_hand_adjust"
_JUDGE: Final = ("v1_by_hand_disable", "v1_by_hand_enable")


def judged(refusal: OperatorRefusal | Delayed) -> Scenario:
    """By an operator's key, where the hand comes to this."""

    async def scenario(call: Call) -> Response:
        world = World()
        key = await world.key((await world.register())["token"], Scope.ADMIN)
        world.by_hand.refusal = refusal
        return await call.ask(world, token=key)

    return scenario


async def with_a_poor_name(call: Call) -> Response:
    """An Idempotency-Key that is none."""
    world = World()
    key = await world.key((await world.register())["token"], Scope.ADMIN)
    return await call.ask(world, token=key, headers={"Idempotency-Key": "two words"})


async def with_a_taken_name(call: Call) -> Response:
    """An Idempotency-Key of another adjustment."""
    world = World()
    token = (await world.register())["token"]
    key = await world.key(token, Scope.ADMIN)
    (known,) = world.store.users.values()
    for amount in (1, 2):
        response = await world.ask(
            f"/api/v1/admin/users/{known.id}/adjust",
            "POST",
            token=key,
            json={"seconds": amount, "reason": "test"},
            headers={"Idempotency-Key": "one"},
        )
    return response


BY_HAND: Final[dict[str, Scenario]] = {
    "no_operator": judged(OperatorRefusal.NO_OPERATOR),
    "operator_code_needed": judged(OperatorRefusal.CODE_NEEDED),
    f"{_ADJUST} invalid_field": sent(b'{"seconds":0,"reason":"test"}'),
    f"{_ADJUST} invalid_idempotency_key": with_a_poor_name,
    f"{_ADJUST} idempotency_key_taken": with_a_taken_name,
    **{
        f"{operation} code_refused": judged(OperatorRefusal.WRONG_CODE)
        for operation in (_ADJUST, *_JUDGE)
    },
    **{f"{operation} too_many_guesses": judged(Delayed(5)) for operation in (_ADJUST, *_JUDGE)},
    **{f"{operation} invalid_field": sent(b'{"reason":""}') for operation in _JUDGE},
}
