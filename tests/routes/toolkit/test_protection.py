"""Every route is authenticated, rate-limited or exempt, and each of these holds."""

from typing import Any

import pytest
import trio
from werkzeug.datastructures import Headers
from werkzeug.routing import Rule

from relayd.edge.addresses import Proxies
from relayd.routes.app import _refuse_unprotected
from relayd.routes.toolkit.protection import Protection, exempt, protection_of, rate_limited
from tests.routes.world import CREDENTIALS, World, refusal

# What a browser says of requests from our own pages.
OURS = {"Sec-Fetch-Site": "same-origin"}
JSON = {"Content-Type": "application/json"}
NAMED = "https://page.example"

# Written out, so that a route which changes its protection changes this page too. A method stands
# where the address has another route.
EXPECTED = {
    "/": Protection.EXEMPT,
    "/register": Protection.EXEMPT,
    "/signin": Protection.EXEMPT,
    "/dashboard": Protection.EXEMPT,
    "/operator": Protection.EXEMPT,
    "/operator/overview": Protection.AUTHENTICATED,
    "/keys": Protection.EXEMPT,
    "/account": Protection.EXEMPT,
    "/forgotten": Protection.EXEMPT,
    "/reset": Protection.EXEMPT,
    "/proof": Protection.EXEMPT,
    "/auth/password/forgotten": Protection.RATE_LIMITED,
    "/auth/password/reset": Protection.RATE_LIMITED,
    "/auth/address/prove": Protection.RATE_LIMITED,
    "/account/second-factor": Protection.RATE_LIMITED,
    "/account/second-factor/confirm": Protection.RATE_LIMITED,
    "DELETE /account/second-factor": Protection.RATE_LIMITED,
    "/account/address": Protection.RATE_LIMITED,
    "/account/address/proof": Protection.RATE_LIMITED,
    "DELETE /account": Protection.RATE_LIMITED,
    "/billing/success": Protection.EXEMPT,
    "/billing/cancel": Protection.EXEMPT,
    "/assets/<version>/<path:name>": Protection.EXEMPT,
    "/api/v1/admin/queue-stats": Protection.AUTHENTICATED,
    "/api/v1/admin/users": Protection.AUTHENTICATED,
    "/api/v1/admin/users/<user_id>": Protection.AUTHENTICATED,
    "/api/v1/admin/users/<user_id>/adjust": Protection.AUTHENTICATED,
    "/api/v1/admin/users/<user_id>/disable": Protection.AUTHENTICATED,
    "/api/v1/admin/users/<user_id>/enable": Protection.AUTHENTICATED,
    "OPTIONS /api/v1/uploads": Protection.EXEMPT,
    "/api/v1/uploads": Protection.AUTHENTICATED,
    "/api/v1/direct-uploads": Protection.AUTHENTICATED,
    "/api/v1/stripe/checkouts/<checkout_session_id>": Protection.AUTHENTICATED,
    "/api/v1/stripe/create-checkout": Protection.AUTHENTICATED,
    "/api/v1/stripe/create-portal": Protection.AUTHENTICATED,
    "/api/v1/stripe/subscription": Protection.AUTHENTICATED,
    "HEAD /api/v1/uploads/<upload_id>": Protection.AUTHENTICATED,
    "PATCH /api/v1/uploads/<upload_id>": Protection.AUTHENTICATED,
    "/api/v1/uploads/<upload_id>": Protection.AUTHENTICATED,
    "DELETE /api/v1/uploads/<upload_id>": Protection.AUTHENTICATED,
    "/health": Protection.EXEMPT,
    "/health/live": Protection.EXEMPT,
    "/openapi.json": Protection.EXEMPT,
    "/docs": Protection.EXEMPT,
    "/favicon.ico": Protection.EXEMPT,
    "/ws/transcribe": Protection.EXEMPT,
    "/auth/register": Protection.RATE_LIMITED,
    "/auth/login": Protection.RATE_LIMITED,
    "/auth/refresh": Protection.RATE_LIMITED,
    "/auth/logout": Protection.RATE_LIMITED,
    "/session/register": Protection.RATE_LIMITED,
    "/session/login": Protection.RATE_LIMITED,
    "/session/refresh": Protection.RATE_LIMITED,
    "/session/logout": Protection.RATE_LIMITED,
    "/session/logout-everywhere": Protection.RATE_LIMITED,
    "/session/password": Protection.RATE_LIMITED,
    "/account/me": Protection.AUTHENTICATED,
    "/account/usage": Protection.AUTHENTICATED,
    "/account/plan": Protection.AUTHENTICATED,
    "/account/events": Protection.AUTHENTICATED,
    "/billing/balance": Protection.AUTHENTICATED,
    "/billing/packages": Protection.EXEMPT,
    "/billing/checkout": Protection.AUTHENTICATED,
    "/billing/purchases": Protection.AUTHENTICATED,
    "/billing/purchases/<checkout_session_id>": Protection.AUTHENTICATED,
    "/billing/purchases/<checkout_session_id>/receipt": Protection.AUTHENTICATED,
    "/billing/purchases/<checkout_session_id>/summary": Protection.RATE_LIMITED,
    "/webhooks/stripe": Protection.EXEMPT,
    "/api-docs": Protection.EXEMPT,
    "/api/v1/auth/signup": Protection.RATE_LIMITED,
    "/api/v1/auth/login": Protection.RATE_LIMITED,
    "/api/v1/auth/me": Protection.AUTHENTICATED,
    "/api/v1/transcribe": Protection.AUTHENTICATED,
    "DELETE /api/v1/transcribe/<transcription_id>": Protection.AUTHENTICATED,
    "/api/v1/status/<transcription_id>": Protection.AUTHENTICATED,
    "/api/v1/result/<transcription_id>": Protection.AUTHENTICATED,
    "/api/v1/transcriptions": Protection.AUTHENTICATED,
    "DELETE /api/v1/transcriptions/<transcription_id>": Protection.AUTHENTICATED,
    "/api/v1/transcriptions/<transcription_id>/events": Protection.AUTHENTICATED,
    "/api/v1/transcriptions/<transcription_id>/links": Protection.AUTHENTICATED,
    "/api/v1/stats": Protection.AUTHENTICATED,
    "POST /api/v1/webhooks": Protection.AUTHENTICATED,
    "/api/v1/webhooks": Protection.AUTHENTICATED,
    "DELETE /api/v1/webhooks/<webhook_id>": Protection.AUTHENTICATED,
    "/api/v1/webhooks/<webhook_id>/deliveries": Protection.AUTHENTICATED,
    "/api/v1/webhooks/deliveries/<delivery_id>/again": Protection.AUTHENTICATED,
    "POST /api/v1/keys": Protection.AUTHENTICATED,
    "/api/v1/keys": Protection.AUTHENTICATED,
    "DELETE /api/v1/keys/<key_id>": Protection.AUTHENTICATED,
}


# Both read and posted to.
READ_TOO = {"/api/v1/webhooks", "/api/v1/keys"}
# Tested beside their views.
OWN_RATES = {"/billing/purchases/<checkout_session_id>/summary"}


def told(rule: Rule) -> str:
    """An address, and what is done there where that doesn't follow from the address."""
    methods = rule.methods or set()
    for method in ("DELETE", "PATCH"):
        if method in methods:
            return f"{method} {rule.rule}"
    # What is nothing but that: every address that is read has them too.
    if methods <= {"HEAD", "OPTIONS"}:
        return f"{min(methods)} {rule.rule}"
    return f"POST {rule.rule}" if "POST" in methods and rule.rule in READ_TOO else rule.rule


async def test_every_route() -> None:
    """The URL map holds no route that is not on the list, and none without its protection."""
    app = World().app
    found = {
        told(rule): protection_of(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
    }
    assert found == EXPECTED


async def test_a_forgotten_route() -> None:
    """An app with an unprotected route is not made."""
    app = World(own_app=True).app

    @app.get("/overlooked")
    async def overlooked() -> str:
        return ""

    with pytest.raises(AssertionError, match="/overlooked"):
        _refuse_unprotected(app)


def test_one_protection() -> None:
    """A view can't be exempt and limited at once."""

    async def view() -> str:
        return ""

    with pytest.raises(AssertionError):
        exempt("because")(rate_limited(view))


@pytest.mark.parametrize(
    # The answer to a HEAD has no body to look into.
    "path",
    [p for p, kind in EXPECTED.items() if kind.name[:2] == "AU" and not p.startswith("HEAD")],
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer \xff.\xff.\xff"},
        {"Authorization": "Bearer " + "x" * 5000},
    ],
)
async def test_authentication(path: str, headers: dict[str, str]) -> None:
    """Without a good bearer token there is one answer, which names the scheme."""
    world = World()
    (rule,) = [rule for rule in world.app.url_map.iter_rules() if told(rule) == path]
    (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}

    response = await world.ask(rule.rule, method, headers=headers)

    assert await refusal(response) == (401, "auth_failed")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_two_authorizations() -> None:
    """Two Authorization headers are none: which one counts must not depend on who reads them."""
    world = World()
    pair = await world.register()
    headers = Headers([("Authorization", f"Bearer {pair['token']}")] * 2)
    response = await world.app.test_client().get("/account/me", headers=headers)
    assert await refusal(response) == (401, "auth_failed")


@pytest.mark.parametrize(
    "route",
    [p for p, kind in EXPECTED.items() if kind.name[:2] == "RA" and p not in OWN_RATES],
)
async def test_rate_limit(route: str, autojump_clock: trio.testing.MockClock) -> None:
    """So many a minute, whatever JSON they contain; then 429 for the time in Retry-After."""
    world = World()
    method, path = route.split() if " " in route else ("POST", route)
    times = 60 if path.endswith(("/refresh", "/logout")) else 10
    bodies: list[dict[str, Any]] = [{"json": {}}, {"data": b"\xff"}]
    for number in range(times):
        response = await world.ask(path, method, headers=OURS | JSON, **bodies[number % 2])
        assert response.status_code in {200, 400, 401, 422}
        await trio.sleep(0.5)
    refused = await world.ask(path, method, headers=OURS, json=CREDENTIALS)
    assert await refusal(refused) == (429, "rate_limited")
    assert refused.headers["Retry-After"] == str(60 - times // 2)
    await trio.sleep(60 - times // 2)
    assert (await world.ask(path, method, headers=OURS, json={})).status_code != 429


async def test_one_budget() -> None:
    """What guesses at passwords shares one budget, of addresses and not of accounts."""
    world = World(requests_per_minute=2)
    await world.post("/auth/login", {})
    await world.ask("/account", "DELETE", json={})
    assert (await world.post("/auth/register", CREDENTIALS)).status_code == 429
    assert (await world.post("/auth/register", CREDENTIALS, peer="203.0.113.8")).status_code == 201


async def test_staying_signed_in_is_no_guessing() -> None:
    """Refreshing and signing out have a budget each, whatever guessing has used up."""
    world = World(requests_per_minute=1)
    assert [(await world.post("/auth/login", {})).status_code for _ in range(2)] == [422, 429]
    for path in ("/auth/refresh", "/auth/logout"):
        asked = [(await world.post(path, {})).status_code for _ in range(7)]
        assert asked == [401] * 6 + [429]


@pytest.mark.parametrize(
    "said",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/auth/login", "/auth/refresh", "/auth/logout", "/session/login"])
async def test_other_sites_do_not_count(path: str, said: dict[str, str]) -> None:
    """What a browser says is another site's is refused, and leaves its visitor's budget alone."""
    world = World(requests_per_minute=1, origins=(NAMED,))
    for _ in range(10):
        response = await world.ask(path, "POST", headers=said | JSON, data=b"{}")
        assert await refusal(response) == (403, "cross_site")
    assert (await world.ask(path, "POST", headers=OURS, json={})).status_code in {200, 401, 422}


@pytest.mark.parametrize(
    "form", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
)
async def test_forms_do_not_count(form: str) -> None:
    """What isn't JSON, as all that a page may post without being asked, counts for nothing."""
    world = World(requests_per_minute=1)
    for _ in range(10):
        response = await world.ask("/auth/login", "POST", headers={"Content-Type": form}, data=b"a")
        assert await refusal(response) == (415, "unsupported_media_type")
    assert (await world.post("/auth/login", {})).status_code == 422


async def test_pages_that_the_operator_named() -> None:
    """They may sign in from other sites."""
    world = World(origins=(NAMED,))
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": NAMED}
    assert (await world.post("/auth/register", CREDENTIALS, headers=headers)).status_code == 201


async def test_requests_of_a_user(autojump_clock: trio.testing.MockClock) -> None:
    """A user has one budget, from wherever they ask; others have their own."""
    world = World(requests_per_user=2)
    token = (await world.register())["token"]
    other = await world.post("/auth/register", {**CREDENTIALS, "email": "grace@example.com"})
    for peer in ("203.0.113.1", "203.0.113.2"):
        assert (await world.ask("/account/me", token=token, peer=peer)).status_code == 200
    refused = await world.ask("/billing/balance", token=token)
    assert await refusal(refused) == (429, "rate_limited")
    others = (await other.get_json())["token"]
    assert (await world.ask("/account/me", token=others)).status_code == 200
    await trio.sleep(60)
    assert (await world.ask("/account/me", token=token)).status_code == 200


async def test_limited_before_the_body() -> None:
    """A refused request is answered although its body never came, and costs no hash."""
    world = World(requests_per_minute=1)
    await world.post("/auth/login", {})
    client = world.app.test_client()
    async with client.request(
        "/auth/login",
        method="POST",
        headers={"Content-Type": "application/json"},
        scope_base={"client": ("203.0.113.7", 50_000)},
    ) as connection:
        await connection.send(b'{"email": "')
        with trio.fail_after(5):
            response = await connection.as_response()
    assert response.status_code == 429


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "Forwarded"], ids=["x-forwarded-for", "forwarded"]
)
async def test_forged_header(header: str) -> None:
    """Without a configured proxy, what a client says about its address counts for nothing."""
    world = World(requests_per_minute=2)
    for number in range(3):
        value = f"198.51.100.{number}"
        forged = {header: value if header.startswith("X") else f"for={value}"}
        response = await world.post("/auth/login", {}, headers=forged)
    assert response.status_code == 429


async def test_behind_a_proxy() -> None:
    """Behind a configured proxy each client has its own budget, and can't forge another."""
    world = World(requests_per_minute=2, proxies=Proxies(("10.0.0.0/8",)))

    async def ask(forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        return (await world.post("/auth/login", {}, headers=headers, peer="10.0.0.1")).status_code

    assert [await ask("198.51.100.1") for _ in range(3)] == [422, 422, 429]
    assert await ask("198.51.100.2") == 422
    # The client's own entries stand left of what the proxy appends.
    assert await ask("192.0.2.1, 198.51.100.1") == 429
    assert await ask("10.9.9.9, 198.51.100.1, 10.0.0.2") == 429


async def test_a_household_of_ipv6() -> None:
    """All addresses of one /64 share a budget; the next /64 has its own."""
    world = World(requests_per_minute=2)

    async def ask(peer: str) -> int:
        return (await world.post("/auth/login", {}, peer=peer)).status_code

    assert [await ask(f"2001:db8:0:1::{number}") for number in range(3)] == [422, 422, 429]
    assert await ask("2001:db8:0:2::1") == 422
