"""``python -m bench.lookups``: what it costs to look up a sign-in at every authenticated request.

A million sign-ins of a hundred thousand users are in the database. Tokens of random ones are
authenticated, one after the other and eight at once; beside it the signature alone, which is what
a check without the database would cost.
"""

import argparse
import random
import statistics
import sys
import time
from typing import Final

import trio

from bench.books import open_books
from bench.cluster import cluster
from relayd import config
from relayd.accounts.accounts import Accounts
from relayd.config.secret import Secret
from relayd.database.pool import open_database
from relayd.database.ports import Connection
from relayd.identity import Principal

__all__ = ["main"]

_USERS: Final = 100_000
_SIGN_INS: Final = 1_000_000
_TOKENS: Final = 2_000
_AT_ONCE: Final = 8


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.lookups", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="measured, of each way")
    arguments = parser.parse_args()
    for line in trio.run(_measure, arguments.seconds):
        sys.stdout.write(f"{line}\n")


async def _measure(seconds: float) -> list[str]:
    limiter = trio.CapacityLimiter(_AT_ONCE)
    async with cluster() as server, open_books(await server.create("lookups")) as books:
        settings = config.Database(url=Secret(books.url), pool_size=_AT_ONCE, statement_seconds=600)
        async with open_database(settings, books.url, limiter) as database:
            await database.transact(_fill)
            auth = config.Auth(
                secret=Secret(str(books.auth["secret"])), pepper=Secret(str(books.auth["pepper"]))
            )
            accounts = Accounts.configured(database, auth, trio.CapacityLimiter(1))
            tokens = await _tokens(accounts)
            return [
                _signature(accounts, tokens, seconds),
                await _lookups(accounts, tokens, seconds, at_once=1),
                await _lookups(accounts, tokens, seconds, at_once=_AT_ONCE),
            ]


def _fill(connection: Connection) -> None:
    connection.execute(
        """
        INSERT INTO users (email, password_hash)
        SELECT n || '@bench.example', repeat('x', 60) FROM generate_series(1, %s) AS n
        """,
        (_USERS,),
    )
    connection.execute(
        """
        INSERT INTO sign_ins (user_id, keeper, expires_at)
        SELECT u.id, 'app', now() + interval '30 days'
        FROM users AS u CROSS JOIN generate_series(1, %s)
        """,
        (_SIGN_INS // _USERS,),
    )
    connection.execute("ANALYZE users, sign_ins")


async def _tokens(accounts: Accounts) -> list[str]:
    def some(connection: Connection) -> list[Principal]:
        rows = connection.execute(
            "SELECT user_id, id FROM sign_ins TABLESAMPLE BERNOULLI (1) LIMIT %s", (_TOKENS,)
        )
        return [Principal.signed_in(*row) for row in rows]

    signed_in = await accounts.database.transact(some)
    return [accounts.tokens.issue(one, bytes(32), 600) for one in signed_in]


def _signature(accounts: Accounts, tokens: list[str], seconds: float) -> str:
    took = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        assert accounts.tokens.authenticate(random.choice(tokens)) is not None  # noqa: S311
        took.append(time.perf_counter() - began)
    return _line("the signature alone", took, seconds)


async def _lookups(accounts: Accounts, tokens: list[str], seconds: float, *, at_once: int) -> str:
    took: list[float] = []

    async def keep_on() -> None:
        while True:
            began = time.perf_counter()
            assert await accounts.authenticate(random.choice(tokens)) is not None  # noqa: S311
            took.append(time.perf_counter() - began)

    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for _ in range(at_once):
                nursery.start_soon(keep_on)
    return _line(f"with the lookup, {at_once} at once", took, seconds)


def _line(what: str, took: list[float], seconds: float) -> str:
    took.sort()
    p99 = took[len(took) * 99 // 100]
    return (
        f"{what:28} {len(took) / seconds:7.0f} a second, "
        f"{statistics.median(took) * 1000:.2f} ms (p99 {p99 * 1000:.2f})"
    )


if __name__ == "__main__":
    main()
