"""GET /account/* and /billing/balance."""

import pytest

from tests.accounts.world import EMAIL, PASSWORD
from tests.routes.world import CREDENTIALS, World, refusal


async def test_me() -> None:
    """Who one is, with the credit in seconds and in minutes rounded down."""
    world = World()
    pair = await world.register()
    response = await world.ask("/account/me", token=pair["token"])
    assert response.status_code == 200
    body = await response.get_json()
    assert body == {
        "email": EMAIL,
        "credits": {"seconds_remaining": 90.5, "minutes_remaining": 1.5},
        "created_at": pair["user"]["created_at"],
        "email_proven": False,
        "second_factor": False,
        "second_factor_required": False,
        "operator": False,
    }
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("balance_ms", "seconds", "minutes"),
    [(0, 0, 0), (1, 0.001, 0), (59_999, 59.999, 0.9), (60_000, 60, 1), (10**12, 10**9, 16666666.6)],
)
async def test_balance(balance_ms: int, seconds: float, minutes: float) -> None:
    """Credit is shown to the millisecond, minutes never more than there is."""
    world = World()
    pair = await world.register()
    world.wallet.balance_ms = balance_ms
    response = await world.ask("/billing/balance", token=pair["token"])
    said = await response.get_json()
    assert said == {"seconds_remaining": seconds, "minutes_remaining": minutes}
    # Equal is not enough: 60.0 is no integer to an app that wants one.
    assert all(isinstance(one, int) == (one == int(one)) for one in said.values())


async def test_usage() -> None:
    """Thirty days and ten sessions, times in ISO 8601, lengths in seconds."""
    world = World()
    pair = await world.register()
    body = await (await world.ask("/account/usage", token=pair["token"])).get_json()
    assert len(body["days"]) == 30
    assert body["days"][0] == {
        "date": "2026-03-01",
        "seconds_used": 1,
        "seconds_purchased": 2.5,
        "seconds_expired": 0,
    }
    assert len(body["sessions"]) == 10
    assert body["sessions"][0] == {
        "session_id": "00000000-0000-0000-0000-000000000000",
        "engine": "sphinx",
        "model": "en-us",
        "started_at": "2026-03-01T12:00:00+00:00",
        "ended_at": "2026-03-01T12:01:01+00:00",
        "seconds_used": 60.25,
        "reason": "completed",
    }


async def test_ended_at_once() -> None:
    """A logout or a disabled account ends access at once, not when the token runs out."""
    world = World()
    pair = await world.register()
    await world.accounts.disable(EMAIL)
    for path in ["/account/me", "/account/usage", "/billing/balance"]:
        assert await refusal(await world.ask(path, token=pair["token"])) == (401, "auth_failed")


async def test_account_without_balance() -> None:
    """A user who is gone between two questions is nobody, not a fault."""
    world = World()
    pair = await world.register()
    world.wallet.balance_ms = None
    for path in ["/account/me", "/billing/balance"]:
        assert await refusal(await world.ask(path, token=pair["token"])) == (401, "auth_failed")


async def test_deleting() -> None:
    """With the password again the account is gone, its sign-ins too, and the address is free."""
    world = World()
    pair = await world.register()
    asked = {"token": pair["token"], "json": {"password": PASSWORD}}
    response = await world.ask("/account", "DELETE", **asked)
    assert (response.status_code, await response.get_json()) == (200, {"deleted": True})
    assert await refusal(await world.ask("/account/me", token=pair["token"])) == (
        401,
        "auth_failed",
    )
    assert await refusal(await world.ask("/account", "DELETE", **asked)) == (401, "auth_failed")
    assert await refusal(await world.post("/auth/login", CREDENTIALS)) == (
        401,
        "invalid_credentials",
    )
    await world.register()


async def test_deleting_takes_the_password() -> None:
    """Whoever finds an open screen, or a token, can't delete the account."""
    world = World()
    token = (await world.register())["token"]
    for body, refused in [
        ({"password": "not this one"}, (403, "wrong_password")),
        ({}, (422, "missing_field")),
        ({"password": None}, (422, "invalid_field")),
    ]:
        response = await world.ask("/account", "DELETE", token=token, json=body)
        assert await refusal(response) == refused
    assert (await world.ask("/account/me", token=token)).status_code == 200


async def test_the_page_beside_it() -> None:
    """The address of the deletion is that of the account's page, which stays one."""
    world = World()
    assert (await world.ask("/account")).status_code == 200
    assert (await world.ask("/account", "POST")).status_code == 405
