"""``python -m bench.renewals``: renewals a second, alone and together, and what notifying costs.

Sixty-four sessions of as many users renew as fast as they can, over eight connections. Each way is
measured with nobody looking at a balance, with somebody looking at all of them, and
without the trigger that tells them.
"""

import argparse
import itertools
import statistics
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Final
from uuid import UUID, uuid4

import trio

from bench.books import Books, open_books
from bench.cluster import cluster
from relayd import config
from relayd.config.secret import Secret
from relayd.database.pool import open_database
from relayd.database.ports import Connection, Database
from relayd.identity import Principal
from relayd.ledger.holds import Policy
from relayd.ledger.renewals import Renewal, Renewals, renew
from relayd.ledger.sessions import open_session
from relayd.ledger.sweeper import register_boot
from relayd.session.ports import OpenRequest

__all__ = ["main"]

_SESSIONS: Final = 64
_CONNECTIONS: Final = 8
_CREDIT_MS: Final = 100 * 3_600_000
_POLICY: Final = Policy()

# What stands in the database while renewals are counted.
_TELLING: Final = {
    "nobody looks": (
        "ALTER TABLE credit_balance ENABLE TRIGGER credit_balance_tells",
        "TRUNCATE credit_watch",
    ),
    "all are looked at": (
        "ALTER TABLE credit_balance ENABLE TRIGGER credit_balance_tells",
        (
            "INSERT INTO credit_watch SELECT user_id, 'infinity' FROM credit_balance"
            " ON CONFLICT DO NOTHING"
        ),
    ),
    "no trigger": (
        "TRUNCATE credit_watch",
        "ALTER TABLE credit_balance DISABLE TRIGGER credit_balance_tells",
    ),
}

Renew = Callable[[Renewal], Awaitable[object]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.renewals", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="measured, of each run")
    parser.add_argument("--rounds", type=int, default=5, help="how often each run is repeated")
    arguments = parser.parse_args()
    found = trio.run(_measure, arguments.seconds, arguments.rounds)
    for (way, telling), rates in found.items():
        rates.sort()
        sys.stdout.write(
            f"{way:9} {telling:18} {statistics.median(rates):7.0f} renewals a second"
            f" ({rates[0]:.0f} to {rates[-1]:.0f})\n"
        )


async def _measure(seconds: float, rounds: int) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    limiter = trio.CapacityLimiter(_CONNECTIONS)
    async with cluster() as server, open_books(await server.create("renewals")) as books:
        settings = config.Database(url=Secret(books.url), pool_size=_CONNECTIONS)
        async with open_database(settings, books.url, limiter) as database:
            sessions = await _open_sessions(books, database)
            together = Renewals(database, _POLICY, pause_seconds=0)

            async def alone(renewal: Renewal) -> object:
                return await database.transact(renew, renewal, _POLICY)

            ways: dict[str, Renew] = {"alone": alone, "together": together.renew}
            totals = itertools.count(1)
            for _ in range(rounds):
                for telling, (way, how) in itertools.product(_TELLING, ways.items()):
                    await database.transact(_set_telling, telling)
                    rate = await _rate(how, sessions, totals, seconds)
                    found.setdefault((way, telling), []).append(rate)
            if findings := await books.audit():
                raise SystemExit(f"the books do not balance: {findings}")
    return found


async def _open_sessions(books: Books, database: Database) -> list[UUID]:
    boot_id = uuid4()
    await register_boot(database, boot_id, "bench")
    sessions = []
    for _ in range(_SESSIONS):
        customer = await books.customer(_CREDIT_MS)
        who = Principal(customer.user_id)
        request = OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")
        await database.transact(open_session, request, boot_id, _POLICY)
        sessions.append(request.session_id)
    return sessions


def _set_telling(connection: Connection, telling: str) -> None:
    for statement in _TELLING[telling]:
        connection.execute(statement.encode())


async def _rate(how: Renew, sessions: list[UUID], totals: Iterator[int], seconds: float) -> float:
    done = 0

    async def keep_on(session_id: UUID) -> None:
        nonlocal done
        while True:
            # Each total is a millisecond more than any before: something to write every time.
            used_ms = next(totals)
            await how(Renewal(session_id, used_ms, used_ms))
            done += 1

    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for session_id in sessions:
                nursery.start_soon(keep_on, session_id)
    return done / seconds


if __name__ == "__main__":
    main()
