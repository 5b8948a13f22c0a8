"""Pages of other sites: those that the operator named may use the interface, with a token alone."""

import pytest
from quart import Response
from werkzeug.datastructures import Headers

from tests.routes.world import CREDENTIALS, World, refusal

NAMED = "https://app.example"
OTHER = "https://evil.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def granted(response: Response) -> dict[str, str]:
    """What the browser is told that a page may do."""
    return {
        name.lower().removeprefix("access-control-"): value
        for name, value in response.headers
        if name.lower().startswith("access-control-")
    }


async def test_a_named_page_reads_answers() -> None:
    """Signing in, the balance, and refusals with their time to wait can be read."""
    world = World(origins=(NAMED,), requests_per_minute=1)
    headers = {"Origin": NAMED}
    registered = await world.post("/auth/register", CREDENTIALS, headers=headers)
    assert registered.status_code == 201
    token = (await registered.get_json())["token"]
    balance = await world.ask("/billing/balance", token=token, headers=headers)
    limited = await world.post("/auth/login", CREDENTIALS, headers=headers)
    assert await refusal(limited) == (429, "rate_limited")
    lost = await world.ask("/nowhere", headers=headers)
    for response in (registered, balance, limited, lost):
        allowed = granted(response)
        assert allowed["allow-origin"] == NAMED
        assert "Retry-After" in allowed["expose-headers"]
        assert "allow-credentials" not in allowed
        assert "Origin" in response.headers["Vary"]


async def test_preflight() -> None:
    """A browser that asks first is told the methods and headers, and asks nobody else for it."""
    world = World(origins=(NAMED,))
    headers = {"Origin": NAMED, **PREFLIGHT}
    response = await world.ask("/auth/login", "OPTIONS", headers=headers)
    assert response.status_code == 204
    allowed = granted(response)
    assert allowed["allow-origin"] == NAMED
    assert allowed["allow-methods"] == "POST"
    headers_allowed = allowed["allow-headers"].split(", ")
    assert headers_allowed[:2] == ["Authorization", "Content-Type"]
    assert {"Idempotency-Key", "Tus-Resumable", "Upload-Offset"} < set(headers_allowed)
    assert int(allowed["max-age"]) > 0
    assert "allow-credentials" not in allowed
    streamed = await world.ask("/account/events", "OPTIONS", headers=headers)
    assert granted(streamed)["allow-methods"] == "GET"


@pytest.mark.parametrize("origin", [OTHER, "null", NAMED.upper(), f"{NAMED}.evil.example", "", "*"])
async def test_others_are_told_nothing(origin: str) -> None:
    """A page that isn't named may neither ask nor read, and a cache keeps the two apart."""
    world = World(origins=(NAMED,))
    for method in ("OPTIONS", "GET"):
        response = await world.ask("/health/live", method, headers={"Origin": origin, **PREFLIGHT})
        assert granted(response) == {}
        assert "Origin" in response.headers["Vary"]


async def test_two_origins_are_none() -> None:
    """A request that names two pages is nobody's."""
    world = World(origins=(NAMED, OTHER))
    both = Headers([("Origin", NAMED), ("Origin", OTHER)])
    response = await world.app.test_client().get("/health/live", headers=both)
    assert granted(response) == {}


@pytest.mark.parametrize("path", ["register", "refresh", "logout", "password"])
async def test_cookies_stay_at_home(path: str) -> None:
    """What goes by a cookie is for this server's pages alone, whoever is named."""
    world = World(origins=(NAMED,))
    preflight = await world.ask(
        f"/session/{path}", "OPTIONS", headers={"Origin": NAMED, **PREFLIGHT}
    )
    assert granted(preflight) == {}
    headers = {"Origin": NAMED, "Sec-Fetch-Site": "cross-site"}
    response = await world.ask(f"/session/{path}", "POST", headers=headers, json=CREDENTIALS)
    assert await refusal(response) == (403, "cross_site")
    assert granted(response) == {}


async def test_an_ordinary_options() -> None:
    """Without a page behind it, OPTIONS is answered with the methods there are."""
    response = await World(origins=(NAMED,)).ask("/health", "OPTIONS")
    assert response.status_code == 200
    assert "GET" in response.headers["Allow"]
