"""How the engines for streams stand: told to every process that serves, and learnt from them.

The same table as that of the engines for recordings, under names of their own: a vendor counts
streams and files apart, so that a pause for one is none for the other.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import trio

from relayd.background import keep
from relayd.database.ports import Connection, Database
from relayd.engines.failover.standings import Standings
from relayd.jobs import standings as table
from relayd.speech.fallback import EngineStanding

__all__ = ["LOOK_SECONDS", "shared_standings"]

# Between two looks at what others learnt.
LOOK_SECONDS: Final = 2.0
# Before the name of an engine for streams.
_LIVE: Final = "live "


@asynccontextmanager
async def shared_standings(database: Database, engines: int) -> AsyncIterator[Standings]:
    """Standings that everybody at this database has in common; one engine has none to tell of."""
    standings = Standings()
    async with trio.open_nursery() as nursery:
        if engines > 1:
            exchange = partial(_exchange_now_and_then, database, standings)
            nursery.start_soon(partial(keep, "engines' standings", exchange))
        yield standings
        nursery.cancel_scope.cancel()


async def _exchange_now_and_then(database: Database, standings: Standings) -> None:
    standings.news = trio.Event()
    unsaved = dict(standings.unsaved)
    known = await database.transact(_exchange, unsaved)
    for engine, standing in unsaved.items():
        # A newer one may have come meanwhile.
        if standings.unsaved[engine] is standing:
            del standings.unsaved[engine]
    standings.learn(known)
    with trio.move_on_after(LOOK_SECONDS):
        await standings.news.wait()


def _exchange(
    connection: Connection, unsaved: Mapping[str, EngineStanding]
) -> dict[str, EngineStanding]:
    """Write what is new, and read what is known."""
    for engine, standing in sorted(unsaved.items()):
        table.record(connection, _LIVE + engine, standing)
    known = table.read(connection)
    return {
        name.removeprefix(_LIVE): standing
        for name, standing in known.items()
        if name.startswith(_LIVE)
    }
