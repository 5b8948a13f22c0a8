"""POST /api/v1/auth/signup and login, GET /api/v1/auth/me."""

from tests.routes.world import CREDENTIALS, World, refusal


async def test_an_account_by_this_interface() -> None:
    """Made, signed in and known, as by the other addresses of the same."""
    world = World()
    made = await world.post("/api/v1/auth/signup", CREDENTIALS)
    assert made.status_code == 201
    signed_in = await (await world.post("/api/v1/auth/login", CREDENTIALS)).get_json()
    me = await (await world.ask("/api/v1/auth/me", token=signed_in["token"])).get_json()
    assert me == await (await world.ask("/account/me", token=signed_in["token"])).get_json()
    again = await world.post("/api/v1/auth/signup", CREDENTIALS)
    assert await refusal(again) == (409, "email_taken")


async def test_the_description_has_a_second_address() -> None:
    """What other interfaces call /api-docs leads to the page."""
    response = await World().ask("/api-docs")
    assert response.status_code == 302
    assert response.headers["Location"] == "/docs"
