"""/api/v1/keys, and what a key opens."""

import logging
from typing import Any
from uuid import UUID

import pytest

from relayd.identity import Scope
from relayd.keys.keys import Keys
from relayd.keys.known import KnownKeys
from relayd.keys.outcomes import MadeKey, WantedKey
from relayd.routes.toolkit.protection import Protection, protection_of, scope_of
from relayd.routes.views.v1.keys import CreatedKey
from tests.fakes.keys import MemoryKeys
from tests.routes.recording import open_studio
from tests.routes.world import World, refusal


async def made(world: World, token: str, **more: Any) -> dict[str, Any]:
    """A key, as its maker is told of it."""
    response = await world.post("/api/v1/keys", {"name": "mine", **more}, token=token)
    assert response.status_code == 201
    key: dict[str, Any] = await response.get_json()
    return key


async def test_the_secret_is_told_once() -> None:
    """The answer to making a key holds it; the list and the answer to revoking it don't."""
    world = World()
    token = (await world.register())["token"]
    key = await made(world, token, scopes=["read"], expires_in_days=1)
    assert key["key"].startswith("wtr_live_")
    assert (key["name"], key["scopes"], key["test"]) == ("mine", ["read"], False)
    assert key["expires_at"] is not None
    (listed,) = await (await world.ask("/api/v1/keys", token=token)).get_json()
    assert listed == {name: value for name, value in key.items() if name != "key"}
    revoked = await world.ask(f"/api/v1/keys/{key['id']}", "DELETE", token=token)
    assert key["key"] not in await revoked.get_data(as_text=True)
    assert (await revoked.get_json())["revoked_at"] is not None


async def test_a_key_opens_what_its_scopes_say() -> None:
    """With the right scope it is its user; with another one it is told which is missing."""
    world = World()
    token = (await world.register())["token"]
    reader = (await made(world, token, scopes=["read"]))["key"]
    writer = (await made(world, token, scopes=["batch"]))["key"]
    assert (await world.ask("/api/v1/auth/me", token=reader)).status_code == 200
    refused = await world.ask("/api/v1/auth/me", token=writer)
    assert await refusal(refused) == (403, "missing_scope")
    assert "the scope read" in (await refused.get_json())["error"]["message"]


async def test_no_key_makes_keys() -> None:
    """Nor does it list or revoke them, or anything else that is not of /api/v1."""
    world = World()
    key = await world.key((await world.register())["token"], *Scope)
    for method, path in (
        ("POST", "/api/v1/keys"),
        ("GET", "/api/v1/keys"),
        ("GET", "/account/me"),
        ("POST", "/billing/checkout"),
    ):
        response = await world.ask(path, method, token=key)
        assert await refusal(response) == (403, "sign_in_needed"), path


async def test_a_revoked_key_is_refused_at_once() -> None:
    """The next request after the revocation is refused, however well the key was remembered."""
    world = World(keys=Keys(MemoryKeys(), known=KnownKeys(told=True)))
    token = (await world.register())["token"]
    key = await made(world, token)
    assert (await world.ask("/api/v1/auth/me", token=key["key"])).status_code == 200
    await world.ask(f"/api/v1/keys/{key['id']}", "DELETE", token=token)
    refused = await world.ask("/api/v1/auth/me", token=key["key"])
    assert await refusal(refused) == (401, "auth_failed")
    assert "expired or revoked" in (await refused.get_json())["error"]["message"]


async def test_anothers_key_is_unknown() -> None:
    """Nobody lists or revokes keys of others."""
    world = World()
    key = await made(world, (await world.register())["token"])
    other = {"email": "bob@example.com", "password": "correct horse"}
    bob = (await (await world.post("/auth/register", other)).get_json())["token"]
    assert await (await world.ask("/api/v1/keys", token=bob)).get_json() == []
    refused = await world.ask(f"/api/v1/keys/{key['id']}", "DELETE", token=bob)
    assert await refusal(refused) == (404, "unknown_key")
    assert (await world.ask("/api/v1/auth/me", token=key["key"])).status_code == 200


async def test_an_operators_scope_is_not_for_the_asking() -> None:
    """The scope admin is refused here: only the operator makes such a key."""
    world = World()
    body = {"name": "mine", "scopes": ["admin"]}
    response = await world.post("/api/v1/keys", body, token=(await world.register())["token"])
    assert await refusal(response) == (422, "invalid_field")


async def test_made_up_keys_are_counted() -> None:
    """Who tries keys that are spelled right is refused by address before the database is asked."""
    database = MemoryKeys()
    world = World(requests_per_user=3, keys=Keys(database))
    answers = [
        await refusal(
            await world.ask("/api/v1/auth/me", token=world.keys.spelling.make(test=False).text)
        )
        for _ in range(5)
    ]
    assert answers == [(401, "auth_failed")] * 3 + [(429, "rate_limited")] * 2
    assert database.asked == 3


async def test_a_key_counts_for_its_user() -> None:
    """Requests with keys and with sign-ins are of one budget."""
    world = World(requests_per_user=3)
    token = (await world.register())["token"]
    key = await world.key(token, Scope.READ)
    answers = [await world.ask("/api/v1/auth/me", token=key) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]


async def test_no_log_holds_a_key(caplog: pytest.LogCaptureFixture) -> None:
    """Neither making, using, mistyping nor revoking one leaves it in the log."""
    caplog.set_level(logging.DEBUG)
    world = World()
    token = (await world.register())["token"]
    key = await made(world, token)
    for presented in (key["key"], key["key"][:-1], key["key"][:-1] + "!"):
        await world.ask("/api/v1/auth/me", token=presented)
    await world.ask(f"/api/v1/keys/{key['id']}", "DELETE", token=token)
    logged = [f"{one.getMessage()} {one.__dict__}" for one in caplog.records]
    assert logged
    assert not [line for line in logged if key["key"][9:-4] in line]


async def test_no_repr_holds_a_key() -> None:
    """Not even that of the answer which does."""
    keys = Keys(MemoryKeys())
    wanted = WantedKey(UUID(int=1), "mine", frozenset({Scope.READ}))
    made = await keys.make(wanted)
    assert isinstance(made, MadeKey)
    answer = CreatedKey.of(made.key, key=made.text)
    assert answer.key == made.text
    assert made.text[9:-4] not in f"{answer!r} {made!r} {keys!r}"


async def test_every_route_of_this_interface_takes_keys() -> None:
    """All that take a sign-in, but those that make keys or pay; each says which scope it wants."""
    app = World().app
    without = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        and protection_of(app.view_functions[rule.endpoint]) is Protection.AUTHENTICATED
        and scope_of(app.view_functions[rule.endpoint]) is None
    }
    assert without == {
        "v1_keys.create",
        "v1_keys.keys",
        "v1_keys.revoke",
        "v1_subscriptions.checkout",
        "v1_subscriptions.create_checkout",
        "v1_subscriptions.create_portal",
        "v1_subscriptions.subscription",
    }


async def test_a_program_hands_in_a_recording() -> None:
    """With a key that may, from the sending to the words."""
    with open_studio() as studio:
        await studio.sign_in()
        studio.token = await studio.world.key(studio.token, Scope.BATCH, Scope.READ)
        taken = await studio.taken()
        status = await studio.world.ask(f"/api/v1/status/{taken['id']}", token=studio.token)
        assert (await status.get_json())["id"] == taken["id"]


@pytest.mark.parametrize("test", [False, True])
async def test_tests_and_what_is_real_don_t_see_each_other(test: bool) -> None:
    """A recording that the one handed in is for the other as one that isn't there."""
    with open_studio() as studio:
        await studio.sign_in()
        world, signed_in = studio.world, studio.token
        keys = {
            kind: await world.key(signed_in, Scope.BATCH, Scope.READ, test=kind)
            for kind in (False, True)
        }
        studio.token = keys[test]
        taken = await studio.taken()
        for stranger in (keys[not test], *([signed_in] if test else [])):
            for method, path in (
                ("GET", f"/api/v1/status/{taken['id']}"),
                ("GET", f"/api/v1/result/{taken['id']}"),
                ("GET", f"/api/v1/transcriptions/{taken['id']}/events"),
                ("DELETE", f"/api/v1/transcribe/{taken['id']}"),
                ("DELETE", f"/api/v1/transcriptions/{taken['id']}"),
            ):
                response = await world.ask(path, method, token=stranger)
                assert await refusal(response) == (404, "unknown_transcription"), path
            listed = await world.ask("/api/v1/transcriptions", token=stranger)
            assert (await listed.get_json())["transcriptions"] == []
            counted = await world.ask("/api/v1/stats", token=stranger)
            assert (await counted.get_json())["queued"] == 0
        found = await world.ask(f"/api/v1/status/{taken['id']}", token=keys[test])
        assert (await found.get_json())["cost_seconds"] == (0 if test else 62)
