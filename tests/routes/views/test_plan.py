"""GET /account/plan, /api/v1/stats, and what answers say of a plan's rate."""

from collections.abc import AsyncIterator

import pytest

from relayd.identity import Scope
from relayd.plans.plans import PlanName
from relayd.plans.rates import Admission
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
