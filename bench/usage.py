"""``python -m bench.usage``: what the usage page costs somebody with a million sessions.

One user's sessions of the last year and their entries are in the database, and a daemon serves.
GET /account/usage is asked over HTTP, one after the other and from many connections at once; beside
it, how long another user's stream takes to open meanwhile.
"""

import argparse
import http.client
import statistics
import sys
import threading
import time
from typing import Final
from uuid import UUID, uuid4

import trio

from bench.books import Books, Customer, open_books
from bench.cluster import cluster
from bench.daemon import configuration, running
from relayd import config
from relayd.config.secret import Secret
from relayd.database.pool import open_database
from relayd.database.ports import Connection
from relayd.identity import Principal
from relayd.ledger.holds import Policy
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.sweeper import register_boot
from relayd.session.endings import EndReason
from relayd.session.ports import Opened, OpenRequest, Settlement

__all__ = ["main"]

# What one answer may take, alone.
_MOST_MS: Final = 10.0
_CREDIT_MS: Final = 10**12


def main() -> None:
    """Measure and print; exit code 1 where an answer takes longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m bench.usage", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000, help="of the one user")
    parser.add_argument("--connections", type=int, default=90, help="that ask at once")
    parser.add_argument("--seconds", type=float, default=5.0, help="measured, of each way")
    if not trio.run(_measure, parser.parse_args()):
        raise SystemExit(1)


async def _measure(arguments: argparse.Namespace) -> bool:
    async with cluster() as server, open_books(await server.create("usage")) as books:
        busy, other = await books.customer(_CREDIT_MS), await books.customer(_CREDIT_MS)
        settings = config.Database(url=Secret(books.url), statement_seconds=300)
        async with open_database(settings, books.url, trio.CapacityLimiter(1)) as database:
            await database.transact(_fill, busy.user_id, arguments.sessions)
        # The engine is never asked for anything.
        sections = configuration(
            books, "ws://127.0.0.1:9", {"limits": {"requests_per_user": 100_000}}
        )
        async with running(sections) as daemon:
            alone = await _ask(daemon.port, busy, 1, arguments.seconds)
            opens: list[float] = []
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_open_streams, books, other, opens)
                many = await _ask(daemon.port, busy, arguments.connections, arguments.seconds)
                nursery.cancel_scope.cancel()
        findings = await books.audit()
    _print(f"usage of {arguments.sessions:,} sessions, alone", alone)
    _print(f"from {arguments.connections} connections at once", many)
    _print("another user's session opened meanwhile", opens)
    sys.stdout.write(f"{len(findings)} findings of the audit\n")
    return statistics.median(alone) * 1000 <= _MOST_MS and not findings


def _fill(connection: Connection, user_id: UUID, sessions: int) -> None:
    """Sessions of one second each, ended over the last year, and their entries."""
    boot_id = uuid4()
    connection.execute(
        "INSERT INTO boots (boot_id, host, ended_at) VALUES (%s, 'bench', now())", (boot_id,)
    )
    given = {"user": user_id, "boot": boot_id, "sessions": sessions}
    connection.execute(
        """
        INSERT INTO transcription_sessions
            (id, user_id, boot_id, engine, model, client_address, started_at, ended_at, used_ms,
             held_ms, end_reason)
        SELECT gen_random_uuid(), %(user)s, %(boot)s, 'deepgram', 'nova-3', '192.0.2.1',
               ended - interval '1 second', ended, 1000, 1000, 'completed'
        FROM generate_series(1, %(sessions)s) AS n,
             LATERAL (SELECT now() - n * interval '365 days' / %(sessions)s AS ended) AS at
        """,
        given,
    )
    connection.execute(
        """
        INSERT INTO usage_ledger
            (user_id, kind, reference, session_id, amount_ms, reason, created_at)
        SELECT user_id, 'session', id::text, id, -used_ms, end_reason, ended_at
        FROM transcription_sessions WHERE user_id = %(user)s
        """,
        given,
    )
    connection.execute(
        "UPDATE credit_balance SET balance_ms = balance_ms - 1000 * %(sessions)s"
        " WHERE user_id = %(user)s",
        given,
    )
    connection.execute("ANALYZE")


async def _ask(port: int, who: Customer, connections: int, seconds: float) -> list[float]:
    """Ask for so long, each connection as soon as it has its answer; what each answer took."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    def keep_on() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while (began := time.perf_counter()) < until:
            connection.request(
                "GET", "/account/usage", headers={"Authorization": f"Bearer {who.token}"}
            )
            response = connection.getresponse()
            response.read()
            assert response.status == http.client.OK, response.status
            took.append(time.perf_counter() - began)
        connection.close()

    threads = [threading.Thread(target=keep_on) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await trio.to_thread.run_sync(thread.join)
    return took


async def _open_streams(books: Books, who: Customer, took: list[float]) -> None:
    """Open and close sessions of another user, as a stream's beginning does it."""
    ledger = PostgresLedger(books.database, uuid4(), Policy())
    await register_boot(books.database, ledger.boot_id, "bench")
    while True:
        request = OpenRequest(uuid4(), Principal(who.user_id), "deepgram", "nova-3", "192.0.2.2")
        began = time.perf_counter()
        assert isinstance(await ledger.open(request), Opened)
        took.append(time.perf_counter() - began)
        with trio.CancelScope(shield=True):
            await ledger.close(Settlement(request.session_id, 0, None, EndReason.COMPLETED))
        await trio.sleep(0.05)


def _print(what: str, took: list[float]) -> None:
    took.sort()
    sys.stdout.write(
        f"{what:44} {len(took):6} times, {statistics.median(took) * 1000:7.2f} ms"
        f" (p99 {took[len(took) * 99 // 100] * 1000:.2f})\n"
    )


if __name__ == "__main__":
    main()
