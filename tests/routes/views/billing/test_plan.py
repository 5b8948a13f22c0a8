"""GET /account/plan, /api/v1/stats, and what answers say of a plan's rate."""

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest

from relayd.config import Package
from relayd.identity import Scope
from relayd.plans.plans import PlanName
from relayd.plans.rates import Admission
from relayd.routes.toolkit.wiring import EXTENSION
from tests.accounts.world import PASSWORD
from tests.fakes.plans import MemoryPlans
from tests.routes.recording import Studio, open_studio
from tests.routes.world import World, refusal


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """Somebody on Free."""
    with open_studio(World(plans=MemoryPlans(PlanName.FREE))) as made:
        yield await made.sign_in()


async def test_the_plan_and_what_is_left(studio: Studio) -> None:
    """What it gives, what was used of it, and when the rest runs out."""
    body = await (await studio.world.ask("/account/plan", token=studio.token)).get_json()
    assert (body["plan"], body["seconds_used"], body["seconds_remaining"]) == ("free", 60, 600.5)
    assert body["seconds_expiring"] == 540
    (lot,) = body["expiring"]
    assert (lot["seconds_remaining"], lot["seconds_given"]) == (540, 600)
    assert lot["expires_at"] == body["period_ends_at"]
    free, pro, payg = body["plans"]
    assert (free["minutes_per_month"], free["formats"], free["models"]) == (
        60,
        ["json"],
        ["default"],
    )
    assert (pro["price_cents"], pro["formats"], payg["minutes_per_month"]) == (2900, None, 0)
    assert pro["currency"] == "usd"


async def test_the_price_is_in_the_currency_of_the_packages(studio: Studio) -> None:
    """One for all that is sold here."""
    give(
        studio.world,
        packages=(Package(id="p", label="p", seconds=60, price_cents=100, currency="eur"),),
    )
    body = await (await studio.world.ask("/account/plan", token=studio.token)).get_json()
    assert [one["currency"] for one in body["plans"]] == ["eur"] * 3


async def test_without_plans() -> None:
    """Where there are none it says so, and what is left all the same."""
    world = World()
    token = (await world.register())["token"]
    body = await (await world.ask("/account/plan", token=token)).get_json()
    assert (body["plan"], body["plans"], body["seconds_remaining"]) == (None, [], 600.5)


async def test_stats_say_what_was_used(studio: Studio) -> None:
    """Recordings by state, and of this period what was used, live and in all."""
    await studio.taken()
    body = await (await studio.ask("/stats")).get_json()
    assert (body["queued"], body["plan"]) == (1, "free")
    assert (body["seconds_used"], body["live_seconds"], body["seconds_remaining"]) == (
        60,
        40,
        600.5,
    )


async def test_programs_hear_of_their_rate(studio: Studio) -> None:
    """What a key asks, and what is handed in, counts; the pages of who is signed in don't."""
    plans = studio.world.plans
    plans.admission = Admission(10, 9, 59.2, 0.0, balance_ms=90_500, expiring_ms=60_000)
    key = await studio.world.key(studio.token, Scope.READ)
    by_key = await studio.world.ask("/api/v1/stats", token=key)
    looked = await studio.ask("/stats")
    handed_in = await studio.send()
    assert [
        by_key.headers.get(f"RateLimit-{name}") for name in ("Limit", "Remaining", "Reset")
    ] == [
        "10",
        "9",
        "60",
    ]
    assert by_key.headers["Quota-Remaining-Seconds"] == "90"
    assert by_key.headers["Quota-Expiring-Seconds"] == "60"
    assert "RateLimit-Limit" not in looked.headers
    assert handed_in.headers["RateLimit-Remaining"] == "9"
    assert len(plans.admitted) == 2


async def test_over_the_rate(studio: Studio) -> None:
    """A request too many is refused, with when the next one may come."""
    studio.world.plans.admission = Admission(10, 0, 12.3, 12.3)
    response = await studio.send()
    assert await refusal(response) == (429, "rate_limited")
    assert response.headers["Retry-After"] == "13"
    assert response.headers["RateLimit-Remaining"] == "0"


async def test_accounts_from_one_address_are_bounded() -> None:
    """So many in an hour, and none beyond, however slowly; another address has its own."""
    world = World(requests_per_minute=100)
    give(world, sign_ups_per_hour=2)
    answers = [
        await world.post("/auth/register", {"email": f"{n}@example.org", "password": PASSWORD})
        for n in range(3)
    ]
    assert [one.status_code for one in answers] == [201, 201, 429]
    assert int(answers[2].headers["Retry-After"]) > 3500
    asked = {"email": "else@example.org", "password": PASSWORD}
    elsewhere = await world.post("/auth/register", asked, peer="198.51.100.9")
    assert elsewhere.status_code == 201


async def test_refused_domains_are_refused() -> None:
    """Also below them, and when an account is to have such an address later."""
    world = World(requests_per_minute=100)
    give(world, refused_domains=frozenset({"mailinator.com"}))
    for email in ("a@mailinator.com", "a@x.Mailinator.com"):
        asked = {"email": email, "password": PASSWORD}
        assert await refusal(await world.post("/auth/register", asked)) == (422, "invalid_email")
    token = (await world.register())["token"]
    asked = {"email": "a@mailinator.com", "password": PASSWORD}
    changed = await world.post("/account/address", asked, token=token)
    assert await refusal(changed) == (422, "invalid_email")
    asked = {"email": "a@notmailinator.com", "password": PASSWORD}
    assert (await world.post("/auth/register", asked)).status_code == 201


def give(world: World, **changes: Any) -> None:
    """Other services."""
    wiring = world.app.extensions[EXTENSION]
    services = attrs.evolve(wiring.services, **changes)
    world.app.extensions[EXTENSION] = attrs.evolve(wiring, services=services)
