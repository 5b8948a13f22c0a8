"""GET /operator/overview."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import attrs
import pytest

from relayd.overview.engine_days import EngineDay
from relayd.overview.overview import Overview
from relayd.overview.present import Present
from relayd.overview.takings import Takings
from relayd.speech.fallback import EngineStanding
from relayd.transcriptions.outcomes import QueueStats
from tests.routes.world import World, refusal

DAY = dt.date(2026, 3, 1)
SEEN = Overview(
    since=DAY,
    currency="usd",
    days=(EngineDay(DAY, "live", "deepgram", "nova-3", 1000, 3, 1, 90_500, 90_500),),
    takings=(Takings(DAY, "usd", 1, 599, 0, 30_000),),
    present=Present(
        live_streams=2,
        queue=QueueStats(
            users_waiting=1,
            queued=1,
            queued_ms=60_000,
            delayed=0,
            running=0,
            oldest_seconds=2.5,
            workers=1,
            slots=2,
        ),
        users=5,
        users_new=1,
        credit_ms=1_500,
        engines_alone={"whispercpp": EngineStanding(dt.datetime(2026, 3, 1, tzinfo=dt.UTC), "429")},
        failures={"upstream_closed": 1},
    ),
    costs=(Decimal("1.16"),),
    fees=Decimal("47.37"),
)


@attrs.define(eq=False)
class Still:
    """A server that always looks the same."""

    asked: list[int] = attrs.field(factory=list)

    async def look(self, days: int) -> Overview:
        """See `relayd.overview.glance`."""
        self.asked.append(days)
        return SEEN


async def enter(*, operator: bool) -> tuple[World, str, Still]:
    """A world, somebody's token in it, and what there is to see."""
    still = Still()
    world = World(glance=still)
    pair = await world.register()
    if operator:
        world.store.operators.add(UUID(pair["user"]["id"]))
    return world, pair["token"], still


async def test_the_overview() -> None:
    """Money in whole cents, spans in seconds, times in ISO 8601."""
    world, token, _ = await enter(operator=True)
    body = await (await world.ask("/operator/overview", token=token)).get_json()
    assert (body["kept_cents"], body["fee_cents"], body["engine_cents"]) == (599, 47, 1)
    assert body["margin_cents"] == 550
    assert body["engines"][0]["audio_seconds"] == 90.5
    assert body["engines"][0]["engine_cents"] == 1.16
    assert body["takings"][0] == {
        "day": "2026-03-01",
        "currency": "usd",
        "purchases": 1,
        "paid_cents": 599,
        "taken_back_cents": 0,
        "sold_seconds": 30_000,
    }
    assert body["present"]["recordings_waiting"] == 1
    assert body["present"]["waiting_audio_seconds"] == 60
    assert body["present"]["oldest_waiting_seconds"] == 2.5
    assert body["present"]["engines_alone"][0]["engine"] == "whispercpp"
    assert body["present"]["failures"] == {"upstream_closed": 1}


@pytest.mark.parametrize(
    ("asked", "days"),
    [("", 30), ("?days=7", 7), ("?days=x", 30), ("?days=0", 1), ("?days=9999", 366)],
)
async def test_how_far_back(asked: str, days: int) -> None:
    """A month unless something else is asked for, a year at most."""
    world, token, still = await enter(operator=True)
    await world.ask(f"/operator/overview{asked}", token=token)
    assert still.asked == [days]


async def test_for_operators_alone() -> None:
    """Neither other accounts nor strangers see it."""
    world, token, still = await enter(operator=False)
    assert await refusal(await world.ask("/operator/overview", token=token)) == (403, "no_operator")
    assert await refusal(await world.ask("/operator/overview")) == (401, "auth_failed")
    assert still.asked == []
