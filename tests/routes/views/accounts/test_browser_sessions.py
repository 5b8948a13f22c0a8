"""POST /session/*: the refresh token in a cookie that only our own pages can use."""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
from quart import Response

from relayd.routes.views.accounts.browser_sessions import COOKIE, DEVICE, HINT
from tests.accounts.world import EMAIL, PASSWORD
from tests.routes.world import CREDENTIALS, World, refusal

OURS = {"Sec-Fetch-Site": "same-origin"}
OWN = "https://relay.example"
PATHS = ["register", "login", "refresh", "logout", "logout-everywhere", "password"]
NEXT = "battery staple"


def cookies(response: Response) -> dict[str, Morsel[str]]:
    """What the browser is told to keep."""
    jar: SimpleCookie = SimpleCookie()
    for line in response.headers.getlist("Set-Cookie"):
        jar.load(line)
    return dict(jar)


async def ask(
    world: World, path: str, body: Any = None, *, cookie: str = "", token: str | None = None
) -> Response:
    """One request of our own page."""
    headers = OURS | ({"Cookie": f"{COOKIE}={cookie}"} if cookie else {})
    more = {} if body is None else {"json": body}
    return await world.ask(f"/session/{path}", "POST", headers=headers, token=token, **more)


async def signed_in(world: World) -> tuple[dict[str, Any], str]:
    """A fresh account in a browser: what its page got, and its cookie."""
    response = await ask(world, "register", CREDENTIALS)
    assert response.status_code == 201
    return await response.get_json(), cookies(response)[COOKIE].value


async def test_register() -> None:
    """The page gets an access token and no refresh token; scripts can't read the cookie."""
    response = await ask(World(), "register", CREDENTIALS)
    body = await response.get_json()
    assert set(body) == {"token", "expires_in", "user"}
    kept = cookies(response)
    assert set(kept) == {COOKIE, HINT, DEVICE}
    for name, morsel in kept.items():
        assert morsel["secure"]
        assert morsel["path"] == ("/session" if name == DEVICE else "/")
        assert morsel["samesite"] == "Strict"
        assert morsel["max-age"] == str((400 if name == DEVICE else 30) * 86_400)
        assert not morsel["domain"]
        assert bool(morsel["httponly"]) is (name != HINT)
    assert kept[HINT].value == "1"
    assert kept[COOKIE].value not in str(body)
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
        {"Sec-Fetch-Site": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{OWN}.evil.example"},
        {"Origin": OWN.upper()},
    ],
)
async def test_other_sites_are_refused(path: str, headers: dict[str, str]) -> None:
    """What no page of ours sent is refused, changes nothing, and costs no attempt."""
    world = World(own_origins=(OWN,), requests_per_minute=1)
    response = await world.ask(f"/session/{path}", "POST", headers=headers, json=CREDENTIALS)
    assert await refusal(response) == (403, "cross_site")
    assert not cookies(response)
    assert not world.store.users
    assert (await ask(world, "register", CREDENTIALS)).status_code == 201


async def test_older_browsers() -> None:
    """Without Fetch Metadata the origin says whose page it was."""
    world = World(own_origins=("http://localhost:8080", OWN))
    headers = {"Origin": OWN}
    response = await world.ask("/session/register", "POST", headers=headers, json=CREDENTIALS)
    assert response.status_code == 201


async def test_login_replaces() -> None:
    """A browser that signs in again leaves no sign-in behind that nobody could end."""
    world = World()
    first, cookie = await signed_in(world)
    response = await ask(world, "login", CREDENTIALS, cookie=cookie)
    assert response.status_code == 200
    assert cookies(response)[COOKIE].value != cookie
    assert (await world.ask("/account/me", token=first["token"])).status_code == 401


async def test_login_refusals() -> None:
    """A wrong password and an unknown address get the same answer, and the cookie stays."""
    world = World()
    _, cookie = await signed_in(world)
    wrong = await ask(world, "login", {"email": EMAIL, "password": "wrong horse"}, cookie=cookie)
    unknown = await ask(world, "login", {"email": "b@example.com", "password": PASSWORD})
    assert await refusal(wrong) == (401, "invalid_credentials")
    assert await wrong.get_data() == await unknown.get_data()
    assert not cookies(wrong)


async def test_refresh_rotates() -> None:
    """Each renewal brings another cookie; a spent one that comes back late ends the sign-in."""
    world = World()
    _, first = await signed_in(world)
    renewed = await ask(world, "refresh", cookie=first)
    assert renewed.status_code == 200
    second = cookies(renewed)[COOKIE].value
    assert second != first
    token = (await renewed.get_json())["token"]
    assert (await world.ask("/account/me", token=token)).status_code == 200
    world.store.age(11)
    for spent in (first, second):
        response = await ask(world, "refresh", cookie=spent)
        assert await refusal(response) == (401, "invalid_refresh_token")
        forgotten = cookies(response)
        assert {name: morsel["max-age"] for name, morsel in forgotten.items()} == {
            COOKIE: "0",
            HINT: "0",
        }
        assert all(morsel["secure"] for morsel in forgotten.values())


async def test_a_page_takes_nothing_along() -> None:
    """What a browser keeps, or a script of a page can read, is no good where apps refresh."""
    world = World()
    body, cookie = await signed_in(world)
    assert body["expires_in"] == 900
    stolen = await world.post("/auth/refresh", {"refresh_token": cookie})
    assert await refusal(stolen) == (401, "invalid_refresh_token")
    traded = await world.ask("/auth/refresh", "POST", token=body["token"])
    assert await refusal(traded) == (401, "auth_failed")
    assert (await ask(world, "refresh", cookie=cookie)).status_code == 200


@pytest.mark.parametrize("cookie", ["", "nonsense", "x" * 43, "x" * 4000])
async def test_refresh_of_nobody(cookie: str) -> None:
    """Without a cookie that means something there is no token."""
    response = await ask(World(), "refresh", cookie=cookie)
    assert await refusal(response) == (401, "invalid_refresh_token")


async def test_logout() -> None:
    """The sign-in ends and the cookies go; a second time, and without one, is no error."""
    world = World()
    body, cookie = await signed_in(world)
    for given in (cookie, cookie, ""):
        response = await ask(world, "logout", cookie=given)
        assert await response.get_json() == {"signed_out": True}
        assert {one["max-age"] for one in cookies(response).values()} == {"0"}
    assert (await world.ask("/account/me", token=body["token"])).status_code == 401


async def test_logout_everywhere() -> None:
    """Apps are signed out too; it takes an access token, which no other site has."""
    world = World()
    body, cookie = await signed_in(world)
    app = await (await world.post("/auth/login", CREDENTIALS)).get_json()
    assert await refusal(await ask(world, "logout-everywhere", cookie=cookie)) == (
        401,
        "auth_failed",
    )
    response = await ask(world, "logout-everywhere", token=body["token"])
    assert response.status_code == 200
    assert {one["max-age"] for one in cookies(response).values()} == {"0"}
    assert (await world.ask("/account/me", token=app["token"])).status_code == 401


async def test_password() -> None:
    """With the present password a new one is set; this browser stays signed in, others don't."""
    world = World()
    body, cookie = await signed_in(world)
    change = {"password": PASSWORD, "new_password": NEXT}
    response = await ask(world, "password", change, cookie=cookie, token=body["token"])
    assert response.status_code == 200
    token = (await response.get_json())["token"]
    assert (await world.ask("/account/me", token=token)).status_code == 200
    assert (await ask(world, "refresh", cookie=cookies(response)[COOKIE].value)).status_code == 200
    assert (await world.ask("/account/me", token=body["token"])).status_code == 401
    old = await ask(world, "login", CREDENTIALS)
    assert await refusal(old) == (401, "invalid_credentials")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"password": "wrong horse", "new_password": NEXT}, (403, "wrong_password")),
        ({"password": PASSWORD, "new_password": "short"}, (422, "invalid_password")),
        ({"new_password": NEXT}, (422, "missing_field")),
        ({"password": PASSWORD, "new_password": 8}, (422, "invalid_field")),
    ],
)
async def test_password_refusals(change: dict[str, Any], expected: tuple[int, str]) -> None:
    """A refused change leaves the sign-in as it was."""
    world = World()
    body, cookie = await signed_in(world)
    response = await ask(world, "password", change, cookie=cookie, token=body["token"])
    assert await refusal(response) == expected
    assert (await world.ask("/account/me", token=body["token"])).status_code == 200


async def test_one_budget() -> None:
    """Guessing through /session and through /auth is counted together."""
    world = World(requests_per_minute=2)
    await world.post("/auth/login", {})
    await ask(world, "login", {})
    for path in ("register", "login", "password", "logout-everywhere"):
        assert await refusal(await ask(world, path, CREDENTIALS)) == (429, "rate_limited")


async def test_no_database() -> None:
    """An outage forgets no cookie."""
    world = World()
    _, cookie = await signed_in(world)
    world.lose_database()
    response = await ask(world, "refresh", cookie=cookie)
    assert await refusal(response) == (503, "service_unavailable")
    assert not cookies(response)
