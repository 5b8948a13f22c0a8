"""``python -m bench.overview``: what an operator's first look costs on a large server.

Ten thousand users with a million sessions of the last year are in the database. The days that are
over are summed up as the daemon does it; then the overview of thirty days is read again and again.
"""

import argparse
import datetime as dt
import statistics
import sys
import time
from typing import Final
from uuid import uuid4

import trio

from bench.books import open_books
from bench.cluster import cluster
from relayd import config
from relayd.config import load
from relayd.config.secret import Secret
from relayd.database.pool import open_database
from relayd.database.ports import Connection, Database
from relayd.overview.engine_days import sum_up
from relayd.overview.overview import overview

__all__ = ["main"]

# Until the first figures are there.
_MOST_MS: Final = 300.0
_DAYS: Final = 30
_SECRETS: Final = {"RELAYD_AUTH__SECRET": "x" * 64, "RELAYD_AUTH__PEPPER": "y" * 64}


def main() -> None:
    """Measure and print; exit code 1 where it takes longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m bench.overview", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=1_000_000, help="of all users together")
    parser.add_argument("--looks", type=int, default=50)
    if not trio.run(_measure, parser.parse_args()):
        raise SystemExit(1)


async def _measure(arguments: argparse.Namespace) -> bool:
    async with cluster() as server, open_books(await server.create("overview")) as books:
        settings = config.Database(url=Secret(books.url), statement_seconds=300)
        async with open_database(settings, books.url, trio.CapacityLimiter(1)) as database:
            await database.transact(_fill, arguments.users, arguments.sessions)
            sys.stdout.write(f"before days are summed up {_shown(await _look(database, 3))}\n")
            began = time.perf_counter()
            while await database.transact(sum_up, dt.datetime.now(dt.UTC)):
                pass
            sys.stdout.write(f"summing up a year, once   {time.perf_counter() - began:.1f} s\n")
            took = await _look(database, arguments.looks)
            sys.stdout.write(f"afterwards                {_shown(took)}\n")
            return took[-1] * 1000 <= _MOST_MS


async def _look(database: Database, looks: int) -> list[float]:
    """How long each took, the shortest first."""
    configured, took = load(None, _SECRETS), []
    for _ in range(looks):
        began = time.perf_counter()
        await database.transact(overview, configured, dt.datetime.now(dt.UTC).date(), _DAYS)
        took.append(time.perf_counter() - began)
    return sorted(took)


def _shown(took: list[float]) -> str:
    median = statistics.median(took) * 1000
    return f"{len(took)} times, {median:.1f} ms (at most {took[-1] * 1000:.1f})"


def _fill(connection: Connection, users: int, sessions: int) -> None:
    """Sessions of a minute of five models, over the last year; one user in ten bought something."""
    given = {"boot": uuid4(), "users": users, "sessions": sessions}
    connection.execute(
        "INSERT INTO boots (boot_id, host, ended_at) VALUES (%(boot)s, 'bench', now())", given
    )
    connection.execute(
        """
        WITH made AS (
            INSERT INTO users (email, password_hash)
            SELECT 'user' || n || '@example.org', repeat('x', 60)
            FROM generate_series(1, %(users)s) AS n RETURNING id
        )
        INSERT INTO credit_balance (user_id) SELECT id FROM made
        """,
        given,
    )
    connection.execute(
        """
        WITH people AS (SELECT user_id, row_number() OVER () - 1 AS number FROM credit_balance)
        INSERT INTO transcription_sessions
            (id, user_id, boot_id, engine, model, client_address, started_at, ended_at, used_ms,
             held_ms, end_reason)
        SELECT gen_random_uuid(), people.user_id, %(boot)s, 'deepgram', 'model-' || n %% 5,
               '192.0.2.1', ended - interval '1 minute', ended, 60000, 60000,
               CASE WHEN n %% 50 = 0 THEN 'upstream_closed' ELSE 'completed' END
        FROM generate_series(1, %(sessions)s) AS n
        JOIN people ON people.number = n %% %(users)s,
             LATERAL (SELECT now() - n * interval '365 days' / %(sessions)s AS ended) AS at
        """,
        given,
    )
    connection.execute(
        """
        INSERT INTO purchases (id, user_id, package_id, label, seconds, price_cents, currency,
                               status, created_at, settled_at)
        SELECT gen_random_uuid(), user_id, 'p', 'A package', 6000, 599, 'usd', 'paid', at, at
        FROM (SELECT user_id, now() - random() * interval '365 days' AS at FROM credit_balance
              WHERE random() < 0.1) AS buyers
        """
    )
    connection.execute("UPDATE engine_days_until SET day = (now() - interval '366 days')::date")
    connection.execute("ANALYZE")


if __name__ == "__main__":
    main()
