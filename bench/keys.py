"""``python -m bench.keys``: what it costs to check a key at every request of a program.

A million keys of a hundred thousand users are in the database, of which a process knows the ten
thousand that it may. Keys of random ones are checked as a request does: warm, where nothing is
asked; what only looks like a key, refused by its checksum; and cold, with the lookup.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

import trio

from bench.books import open_books
from bench.cluster import cluster
from relayd import config
from relayd.config.secret import Secret
from relayd.database.pool import open_database
from relayd.database.ports import Connection
from relayd.keys.keys import Keys
from relayd.keys.known import KnownKeys
from relayd.keys.spelling import FreshKey, Spelling

__all__ = ["main"]

_USERS: Final = 100_000
_KEYS: Final = 1_000_000
_TRIED: Final = 10_000
_CONNECTIONS: Final = 8


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.keys", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="measured, of each way")
    parser.add_argument("--keys", type=int, default=_KEYS, help="in the database")
    arguments = parser.parse_args()
    for line in trio.run(_measure, arguments.seconds, arguments.keys):
        sys.stdout.write(f"{line}\n")


async def _measure(seconds: float, count: int) -> list[str]:
    limiter = trio.CapacityLimiter(_CONNECTIONS)
    async with cluster() as server, open_books(await server.create("keys")) as books:
        settings = config.Database(
            url=Secret(books.url), pool_size=_CONNECTIONS, statement_seconds=600
        )
        async with open_database(settings, books.url, limiter) as database:
            tried = [Spelling().make(test=False) for _ in range(min(_TRIED, count))]
            await database.transact(_fill, count, tried)
            keys = Keys(database, known=KnownKeys())
            # As in a daemon that hears of every change.
            keys.known.begin()
            texts = [one.text for one in tried]
            for text in texts:
                assert await keys.authenticate(text) is not None
            spoilt = [text[:-1] + ("A" if text[-1] != "A" else "B") for text in texts]
            asked = [
                _checked("warm, of ten thousand", keys.recall, texts, seconds, known=True),
                _checked("refused by its checksum", keys.recall, spoilt, seconds, known=False),
            ]
            return [*asked, await _cold(keys, texts, seconds)]


def _fill(connection: Connection, count: int, tried: Sequence[FreshKey]) -> None:
    connection.execute(
        """
        INSERT INTO users (email, password_hash)
        SELECT n || '@bench.example', repeat('x', 60) FROM generate_series(1, %s) AS n
        """,
        (min(_USERS, count),),
    )
    connection.execute(
        """
        INSERT INTO api_keys (user_id, name, key_hash, hint, test, scopes)
        SELECT u.id, 'bench', sha256((u.id::text || n)::bytea), '…', false, '{batch,read}'
        FROM users AS u CROSS JOIN generate_series(1, %s) AS n
        """,
        (max(count // _USERS, 1),),
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM api_keys LIMIT %s", (len(tried),))
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            """
            UPDATE api_keys AS k SET key_hash = new.key_hash
            FROM unnest(%s::uuid[], %s::bytea[]) AS new (id, key_hash) WHERE k.id = new.id
            """,
            (ids, [one.hash for one in tried]),
        )
    connection.execute("ANALYZE users, api_keys")


def _checked(
    what: str,
    check: Callable[[str], object],
    texts: Sequence[str],
    seconds: float,
    *,
    known: bool,
) -> str:
    took = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        assert (check(random.choice(texts)) is not None) == known  # noqa: S311
        took.append(time.perf_counter() - began)
    return _line(what, took, seconds)


async def _cold(keys: Keys, texts: Sequence[str], seconds: float) -> str:
    took = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        # Forgets all that it knew.
        keys.known.begin()
        assert await keys.authenticate(random.choice(texts)) is not None  # noqa: S311
        took.append(time.perf_counter() - began)
    return _line("cold, with the lookup", took, seconds)


def _line(what: str, took: list[float], seconds: float) -> str:
    took.sort()
    p99 = took[len(took) * 99 // 100]
    return (
        f"{what:26} {len(took) / seconds:8.0f} a second, "
        f"{statistics.median(took) * 1e6:.1f} µs (p99 {p99 * 1e6:.1f})"
    )


if __name__ == "__main__":
    main()
