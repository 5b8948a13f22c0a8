"""What one process learns of an engine, all of them know; recordings go by their own list."""

import datetime as dt

import psycopg
import pytest
import trio

from relayd.daemon.standings import LOOK_SECONDS, shared_standings
from relayd.database.ports import Database
from relayd.engines.failover.standings import Standings
from relayd.errors import UpstreamBusy, UpstreamClosed
from relayd.jobs import standings as table
from relayd.speech.fallback import EngineStanding, NobodyUntil, Take

pytestmark = pytest.mark.system


async def known(standings: Standings, engine: str) -> None:
    """Wait until an engine is to be left alone."""
    with trio.fail_after(5 * LOOK_SECONDS):
        await trio.lowlevel.checkpoint()
        while isinstance(standings.choose([engine]), Take):  # noqa: ASYNC110 - streams look too
            await trio.sleep(0.01)


async def test_a_pause_is_everybodys(database: Database) -> None:
    """Written at once by who hears of it, found by the others within two looks."""
    async with shared_standings(database, 2) as one, shared_standings(database, 2) as other:
        one.weigh("deepgram", UpstreamBusy("busy", "answered 429", 600))
        one.weigh("sphinx", UpstreamClosed("broke"))
        await known(other, "deepgram")

        assert isinstance(one.choose(["deepgram"]), NobodyUntil)
        assert other.choose(["deepgram", "sphinx"]) == Take("sphinx")
        assert not one.unsaved
        assert list(await database.transact(table.read)) == ["live deepgram"]


async def test_recordings_pause_by_themselves(database: Database, database_url: str) -> None:
    """A vendor counts files and streams apart, and so do we."""
    until = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=9)
    with psycopg.connect(database_url, autocommit=True) as connection:
        table.record(connection, "deepgram", EngineStanding(until, "answered 429"))
        table.record(connection, "live sphinx", EngineStanding(until, "answered 429"))

    async with shared_standings(database, 2) as standings:
        await known(standings, "sphinx")
        assert standings.choose(["deepgram"]) == Take("deepgram")
