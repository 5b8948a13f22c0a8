"""POST /auth/*: shapes, statuses and codes of the contract."""

import uuid
from typing import Any

import pytest

from tests.accounts.world import EMAIL, PASSWORD
from tests.routes.world import CREDENTIALS, World, refusal


async def test_register() -> None:
    """A new account is answered with 201, a pair of tokens, and who it is."""
    world = World()
    body = await world.register()
    assert set(body) == {"token", "refresh_token", "device_token", "expires_in", "user"}
    assert body["expires_in"] == 7 * 86_400
    assert body["user"]["email"] == EMAIL
    assert uuid.UUID(body["user"]["id"])


async def test_register_taken() -> None:
    """The second account of an address is refused."""
    world = World()
    await world.register()
    again = await world.post("/auth/register", {"email": EMAIL.upper(), "password": PASSWORD})
    assert await refusal(again) == (409, "email_taken")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"password": PASSWORD}, 422, "missing_field", "email"),
        ({"email": EMAIL}, 422, "missing_field", "password"),
        ({"email": None, "password": PASSWORD}, 422, "invalid_field", "email"),
        ({"email": EMAIL, "password": 12345678}, 422, "invalid_field", "password"),
        ({"email": EMAIL, "password": ["x" * 8]}, 422, "invalid_field", "password"),
        ({"email": "a\0@example.com", "password": PASSWORD}, 422, "invalid_field", "email"),
        ({"email": EMAIL, "password": "x" * 8 + "\ud800"}, 422, "invalid_field", "password"),
        ({"email": "ada", "password": PASSWORD}, 422, "invalid_email", "email"),
        ({"email": EMAIL, "password": "1234567"}, 422, "invalid_password", "password"),
        ({"email": EMAIL, "password": EMAIL}, 422, "invalid_password", "password"),
        ({"email": EMAIL, "password": "x" * 1025}, 422, "invalid_password", "password"),
        ([], 400, "malformed_json", ""),
        ("text", 400, "malformed_json", ""),
    ],
)
async def test_register_refusals(body: Any, status: int, code: str, field: str) -> None:
    """What is wrong is said, with the name of the field."""
    response = await World().post("/auth/register", body)
    assert await refusal(response) == (status, code)
    assert field in (await response.get_json())["error"]["message"]


async def test_login() -> None:
    """The right password is answered with the same shape as a registration."""
    world = World()
    registered = await world.register()
    response = await world.post("/auth/login", CREDENTIALS)
    assert response.status_code == 200
    body = await response.get_json()
    assert set(body) == set(registered)
    assert body["user"] == registered["user"]


async def test_login_tells_nothing() -> None:
    """A wrong password and an unknown address get the very same answer."""
    world = World()
    await world.register()
    wrong = await world.post("/auth/login", {"email": EMAIL, "password": "wrong horse"})
    unknown = await world.post("/auth/login", {"email": "b@example.com", "password": PASSWORD})
    assert await refusal(wrong) == (401, "invalid_credentials")
    assert await wrong.get_data() == await unknown.get_data()
    assert wrong.status_code == unknown.status_code
    assert list(wrong.headers) == list(unknown.headers)


async def test_disabled() -> None:
    """A disabled user is told so, but only with the right password."""
    world = World()
    await world.register()
    await world.accounts.disable(EMAIL)
    assert await refusal(await world.post("/auth/login", CREDENTIALS)) == (403, "account_disabled")
    wrong = await world.post("/auth/login", {"email": EMAIL, "password": "wrong horse"})
    assert await refusal(wrong) == (401, "invalid_credentials")


async def test_refresh() -> None:
    """A refresh token is exchanged for a new pair; a late second use ends the sign-in."""
    world = World()
    first = await world.register()
    second = await world.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert second.status_code == 200
    renewed = await second.get_json()
    assert set(renewed) == set(first)
    world.store.age(11)
    for token in [first["refresh_token"], renewed["refresh_token"], "nonsense"]:
        response = await world.post("/auth/refresh", {"refresh_token": token})
        assert await refusal(response) == (401, "invalid_refresh_token")


@pytest.mark.parametrize("more", [{}, {"json": {}}, {"json": {"other": 1}}])
async def test_refresh_by_bearer(more: dict[str, Any]) -> None:
    """Without a refresh token a still valid access token is traded; it stays good meanwhile."""
    world = World()
    first = await world.register()
    response = await world.ask("/auth/refresh", "POST", token=first["token"], **more)
    assert response.status_code == 200
    renewed = await response.get_json()
    assert set(renewed) == set(first)
    assert renewed["user"] == first["user"]
    for token in (first["token"], renewed["token"]):
        assert (await world.ask("/account/me", token=token)).status_code == 200
    again = await world.post("/auth/refresh", {"refresh_token": renewed["refresh_token"]})
    assert again.status_code == 200


async def test_refresh_by_a_bearer_that_is_over() -> None:
    """An access token of an ended sign-in, or one that is none, is traded for nothing."""
    world = World()
    pair = await world.register()
    await world.post("/auth/logout", {"refresh_token": pair["refresh_token"]})
    for token in (pair["token"], "nonsense", None):
        response = await world.ask("/auth/refresh", "POST", token=token)
        assert await refusal(response) == (401, "auth_failed")
    response = await world.post("/auth/refresh", {"refreshToken": "misspelled"})
    assert await refusal(response) == (401, "auth_failed")
    assert "refresh_token" in (await response.get_json())["error"]["message"]


async def test_logout_by_refresh_token() -> None:
    """A refresh token in the body is enough, also a second time."""
    world = World()
    pair = await world.register()
    for _ in range(2):
        response = await world.post("/auth/logout", {"refresh_token": pair["refresh_token"]})
        assert response.status_code == 200
    me = await world.ask("/account/me", token=pair["token"])
    assert await refusal(me) == (401, "auth_failed")


@pytest.mark.parametrize("more", [{}, {"json": {}}, {"json": {"other": 1}}])
async def test_logout_by_bearer(more: dict[str, Any]) -> None:
    """Without a refresh token it is the sign-in of the access token, also a second time."""
    world = World()
    pair = await world.register()
    for _ in range(2):
        response = await world.ask("/auth/logout", "POST", token=pair["token"], **more)
        assert response.status_code == 200
    refreshed = await world.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert await refusal(refreshed) == (401, "invalid_refresh_token")


@pytest.mark.parametrize("token", [None, "nonsense"])
async def test_logout_of_nobody(token: str | None) -> None:
    """A logout that names no sign-in is refused."""
    response = await World().ask("/auth/logout", "POST", token=token)
    assert await refusal(response) == (401, "auth_failed")


async def test_login_storm() -> None:
    """With the password queue full, a login is told to come again."""
    world = World()
    await world.register()
    world.accounts.proving.passwords.queue_max = 0
    response = await world.post("/auth/login", CREDENTIALS)
    assert await refusal(response) == (503, "service_unavailable")
    assert int(response.headers["Retry-After"]) > 0


async def test_no_database() -> None:
    """An outage is a 503 with a time to try again, on every route that asks the database."""
    world = World()
    pair = await world.register()
    world.lose_database()
    for path in ["/auth/register", "/auth/login"]:
        response = await world.post(path, CREDENTIALS)
        assert await refusal(response) == (503, "service_unavailable")
        assert int(response.headers["Retry-After"]) > 0
    refresh = await world.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert await refusal(refresh) == (503, "service_unavailable")
    me = await world.ask("/account/me", token=pair["token"])
    assert await refusal(me) == (503, "service_unavailable")
