"""/api/v1/admin/users/…: what an operator's programs do by hand."""

from typing import Any

import pytest
from quart import Response

from relayd.accounts.operators import DISABLE, ENABLE, Deed
from relayd.identity import Scope
from relayd.ledger.balances import Entry
from tests.accounts.world import EMAIL
from tests.routes.world import World, refusal


class Desk:
    """A world, an operator's key in it, and the account that it is used on: the same person's."""

    def __init__(self, world: World, key: str) -> None:
        self.world, self.key = world, key
        self.user_id = world.store.users[EMAIL].id

    @classmethod
    async def opened(cls) -> "Desk":
        """A fresh one."""
        world = World()
        return cls(world, await world.key((await world.register())["token"], Scope.ADMIN))

    async def ask(self, action: str, body: Any, name: str | None = None) -> Response:
        """Do something, under an Idempotency-Key or none."""
        path = f"/api/v1/admin/users/{self.user_id}/{action}"
        headers = {} if name is None else {"Idempotency-Key": name}
        return await self.world.ask(path, "POST", token=self.key, json=body, headers=headers)


async def test_a_repeated_adjustment_is_one() -> None:
    """The same Idempotency-Key books once; another amount under it is refused."""
    desk = await Desk.opened()
    body = {"seconds": -30.5, "reason": " ticket 117 "}

    answers = [await (await desk.ask("adjust", body, "a")).get_json() for _ in range(2)]
    other = await desk.ask("adjust", {**body, "seconds": -31}, "a")

    assert [(one["seconds_booked"], one["repeated"]) for one in answers] == [
        (-30.5, False),
        (0, True),
    ]
    assert answers[0]["credit"]["seconds_remaining"] == 60
    assert await refusal(other) == (422, "idempotency_key_taken")
    ((hand, entry),) = desk.world.by_hand.done
    assert hand.operator_id == desk.user_id
    assert isinstance(entry, Entry)
    assert (entry.kind, entry.amount_ms, entry.reason) == ("adjustment", -30_500, "ticket 117")
    assert entry.key.startswith("key ")


async def test_an_adjustment_has_a_name() -> None:
    """Without an Idempotency-Key nothing is booked: a retry would book twice."""
    desk = await Desk.opened()
    response = await desk.ask("adjust", {"seconds": 1, "reason": "test"})
    assert await refusal(response) == (422, "invalid_idempotency_key")
    assert desk.world.by_hand.done == []


@pytest.mark.parametrize("amount", [0, 0.0001, 1.0005, 315_360_001, -1e308, 1e17])
async def test_what_no_amount_is(amount: float) -> None:
    """Nothing, parts of a millisecond and more than anybody means are refused."""
    desk = await Desk.opened()
    response = await desk.ask("adjust", {"seconds": amount, "reason": "test"}, "a")
    assert await refusal(response) == (422, "invalid_field")


@pytest.mark.parametrize("amount_ms", [1, 100, -300, 1001, 4_035_500_007, -315_360_000_000])
async def test_amounts_are_exact(amount_ms: int) -> None:
    """Whatever has three decimals at most is booked as it is written."""
    desk = await Desk.opened()
    await desk.ask("adjust", {"seconds": amount_ms / 1000, "reason": "test"}, "a")
    ((_, entry),) = desk.world.by_hand.done
    assert isinstance(entry, Entry)
    assert entry.amount_ms == amount_ms


async def test_out_and_in() -> None:
    """Disabled and enabled, each once however often it is asked, with who and why."""
    desk = await Desk.opened()
    states = []
    for action in ("disable", "disable", "enable", "enable"):
        response = await desk.ask(action, {"reason": action})
        assert response.status_code == 200
        states.append((await response.get_json())["disabled"])
    assert states == [True, True, False, False]
    deeds = [deed for _, deed in desk.world.by_hand.done if isinstance(deed, Deed)]
    assert [(one.action, one.reason) for one in deeds] == [
        (DISABLE, "disable"),
        (ENABLE, "enable"),
    ]
    assert all(one.reference and one.reference.startswith("key ") for one in deeds)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "two\nlines"])
async def test_a_reason_is_needed(reason: str) -> None:
    """One that a person can read in a line of the trail."""
    desk = await Desk.opened()
    for action in ("disable", "enable", "adjust"):
        response = await desk.ask(action, {"seconds": 1, "reason": reason}, "a")
        assert await refusal(response) == (422, "invalid_field"), action
    assert desk.world.by_hand.done == []
