"""``python -m bench.queue``: how soon, how fast and how fairly recordings are claimed.

Asked: a recording runs within 50 ms of being handed in where a worker has nothing to do; 300 claims
a second; users with one and with ten thousand in the queue differ by 10 % at most.

The queue is filled by statements of its own, through the same columns that handing in fills; the
audit says at the end whether the books, the lanes and the jobs still agree.
"""

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID, uuid4

import trio

from bench.books import open_books
from bench.cluster import cluster
from bench.faults.archive import Archive, archive
from bench.faults.verdict import Verdict, heading
from relayd import config
from relayd.config.secret import Secret
from relayd.database.pool import open_database
from relayd.database.ports import Connection, Database
from relayd.jobs import claiming
from relayd.jobs.claiming import Claim
from relayd.jobs.ending import JobEnding, finish
from relayd.jobs.lanes import Terms
from relayd.ledger.sweeper import register_boot
from relayd.transcriptions import submitting
from relayd.transcriptions.estimates import standing
from relayd.transcriptions.outcomes import Submission
from relayd.transcriptions.records import read
from relayd.transcriptions.submitting import Quote

__all__ = ["main"]

_DELAY_MS_MAX: Final = 50
_CLAIMS_MIN: Final = 300
_DIFFERENCE_PERCENT_MAX: Final = 10
_CONNECTIONS: Final = 8
_AUDIO_MS: Final = 60_000
_AGING_SECONDS: Final = 60.0
_RESULT_DAYS: Final = 30
# Who has one recording in the queue hands the next one in as soon as it is done.
_MODEST: Final = 10
_GREEDY: Final = 10
_GREEDY_JOBS: Final = 10_000
_OFFER: Final = Quote(Terms(running_max=2, queued_max=1_000_000), 1000, _AGING_SECONDS)
# Places in the queue that are looked up, and recordings that are handed in one by one.
_LOOKS: Final = 20
# Longer is a failure, not a figure.
_DELAY_SECONDS_MAX: Final = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000, help="that wait")
    parser.add_argument("--users", type=int, default=500, help="whose jobs they are")
    parser.add_argument("--seconds", type=float, default=5.0, help="measured, of each run")
    arguments = parser.parse_args()
    verdict = Verdict("queue")
    sys.stdout.write(heading())
    trio.run(_run, arguments, verdict)
    sys.exit(1 if verdict.unmet else 0)


async def _run(arguments: argparse.Namespace, verdict: Verdict) -> None:
    async with cluster() as server:
        async with archive({}) as here:
            await _delay(here, verdict)
        for name, measure in (("claims", _claims), ("fairness", _fairness)):
            async with open_books(await server.create(name)) as books:
                settings = config.Database(url=Secret(books.url), pool_size=_CONNECTIONS)
                limiter = trio.CapacityLimiter(_CONNECTIONS)
                async with open_database(settings, books.url, limiter) as database:
                    await measure(database, arguments, verdict)
                if findings := await books.audit():
                    raise SystemExit(f"the books do not balance: {findings[:3]}")


async def _delay(here: Archive, verdict: Verdict) -> None:
    """How long after it was handed in a recording runs, with a worker that has nothing to do."""
    customer = await here.books.customer(1_000_000_000)
    await here.worker(1)
    for _ in range(_LOOKS):
        await here.hand_in(customer, _AUDIO_MS, 0.05)
        if not await here.until_over(_DELAY_SECONDS_MAX):
            raise SystemExit("a recording is not done")
    delays = await here.books.database.transact(_delays)
    median = round(statistics.median(delays), 1)
    verdict.at_most("handed in until it runs, median", median, _DELAY_MS_MAX, "ms")
    verdict.note("handed in until it runs, longest, ms", round(max(delays), 1))


def _delays(connection: Connection) -> list[float]:
    rows = connection.execute(
        "SELECT 1000 * extract(epoch FROM started_at - queued_at) FROM transcriptions"
    ).fetchall()
    return [float(row[0]) for row in rows]


async def _claims(database: Database, arguments: argparse.Namespace, verdict: Verdict) -> None:
    """Claims alone, claims that are ended too, and how long a place in the queue takes."""
    users, seconds = arguments.users, arguments.seconds
    await database.transact(_fill, users, arguments.jobs // users, 1_000_000)
    boot_id = await _worker(database)
    places = []
    for owner_id, job_id in await database.transact(_some, _LOOKS):
        began = trio.current_time()
        await database.transact(_place, owner_id, job_id)
        places.append((trio.current_time() - began) * 1000)
    verdict.note("place in the queue, median, ms", round(statistics.median(places), 1))

    async def claim() -> None:
        await database.transact(claiming.claim, boot_id, _AGING_SECONDS)

    async def claim_and_end() -> None:
        taken = await database.transact(claiming.claim, boot_id, _AGING_SECONDS)
        if taken is not None:
            await _end(database, taken)

    claims = round(await _rate(claim, seconds))
    verdict.note("claims a second", claims)
    verdict.equal(f"which are {_CLAIMS_MIN} or more", claims >= _CLAIMS_MIN, wanted=True)
    verdict.note("claimed and ended, a second", round(await _rate(claim_and_end, seconds)))


async def _fairness(database: Database, arguments: argparse.Namespace, verdict: Verdict) -> None:
    """Jobs done, of users with one recording in the queue and with ten thousand."""
    await database.transact(_fill, _GREEDY, _GREEDY_JOBS, _OFFER.terms.running_max)
    greedy = {owner_id for owner_id, _ in await database.transact(_some, _GREEDY * _GREEDY_JOBS)}
    modest = await database.transact(_add_users, _MODEST)
    for user_id in modest:
        await database.transact(_submit, user_id)
    boot_id = await _worker(database)
    done: Counter[UUID] = Counter()

    async def serve() -> None:
        taken = await database.transact(claiming.claim, boot_id, _AGING_SECONDS)
        if taken is None:
            return
        await _end(database, taken)
        done[taken.user_id] += 1
        if taken.user_id not in greedy:
            await database.transact(_submit, taken.user_id)

    await _rate(serve, arguments.seconds)
    of_modest = statistics.mean(done[one] for one in modest)
    of_greedy = statistics.mean(done[one] for one in greedy)
    verdict.note("done of a user with one in the queue", round(of_modest, 1))
    verdict.note("done of a user with ten thousand", round(of_greedy, 1))
    percent = round(100 * abs(of_modest - of_greedy) / max(of_greedy, 1), 1)
    verdict.at_most("difference between the two", percent, _DIFFERENCE_PERCENT_MAX, "%")


async def _rate(work: Callable[[], Awaitable[None]], seconds: float) -> float:
    done = 0
    until = trio.current_time() + seconds

    async def keep_on() -> None:
        nonlocal done
        while trio.current_time() < until:
            await work()
            done += 1

    async with trio.open_nursery() as nursery:
        for _ in range(_CONNECTIONS):
            nursery.start_soon(keep_on)
    return done / seconds


async def _end(database: Database, claim: Claim) -> None:
    ending = JobEnding("done", claim.measured_ms, "bench", f"results/{claim.id}")
    job = (claim.user_id, claim.id)
    assert await database.transact(finish, job, claim.fence, ending, _RESULT_DAYS) is not None


async def _worker(database: Database) -> UUID:
    boot_id = uuid4()
    await register_boot(database, boot_id, "bench")
    return boot_id


def _submit(connection: Connection, user_id: UUID) -> None:
    asked = Submission(uuid4(), user_id, "bench", f"audio/{uuid4()}", _AUDIO_MS)
    assert isinstance(submitting.submit(connection, asked, _OFFER), tuple)


def _place(connection: Connection, owner_id: UUID, job_id: UUID) -> None:
    found = read(connection, owner_id, job_id)
    assert found is not None
    assert standing(connection, found).position is not None


def _some(connection: Connection, most: int) -> list[tuple[UUID, UUID]]:
    rows = connection.execute(
        "SELECT user_id, id FROM transcriptions ORDER BY number DESC LIMIT %s", (most,)
    ).fetchall()
    return [(row[0], row[1]) for row in rows]


def _add_users(connection: Connection, users: int) -> list[UUID]:
    """Users with credit for everything that they may ever hand in."""
    rows = connection.execute(
        """
        WITH added AS (
            INSERT INTO users (email, password_hash)
            SELECT gen_random_uuid() || '@example.org', repeat('x', 60)
            FROM generate_series(1, %(users)s) RETURNING id
        ), credited AS (
            INSERT INTO credit_balance (user_id, balance_ms)
            SELECT id, 1000000000000 FROM added RETURNING user_id
        )
        INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason)
        SELECT user_id, 'grant', user_id::text, 1000000000000, 'benchmark' FROM credited
        RETURNING user_id
        """,
        {"users": users},
    ).fetchall()
    return [row[0] for row in rows]


def _fill(connection: Connection, users: int, each: int, running_max: int) -> None:
    """So many users with so many recordings each, as if they had handed them in in turn."""
    connection.execute("SELECT set_config('statement_timeout', '5min', true)")
    given = {
        "users": _add_users(connection, users),
        "each": each,
        "ms": _AUDIO_MS,
        "running_max": running_max,
    }
    connection.execute(
        """
        INSERT INTO transcriptions
            (id, user_id, state, model, source, measured_ms, hold_ms, queued_at)
        SELECT gen_random_uuid(), user_id, 'queued', 'bench', 'audio/x', %(ms)s, %(ms)s, now()
        FROM generate_series(1, %(each)s) AS turn, unnest(%(users)s::uuid[]) AS user_id
        ORDER BY turn
        """,
        given,
    )
    connection.execute(
        """
        INSERT INTO reservations (id, user_id, held_ms, purpose)
        SELECT id, user_id, hold_ms, 'transcription' FROM transcriptions
        """
    )
    connection.execute(
        """
        UPDATE credit_balance SET held_ms = %(each)s * %(ms)s, reserved_ms = %(each)s * %(ms)s
        WHERE user_id = ANY (%(users)s)
        """,
        given,
    )
    connection.execute(
        """
        INSERT INTO lanes (user_id, priority, running_max, queued, queued_ms, rank)
        SELECT user_id, 0, %(running_max)s, %(each)s, %(each)s * %(ms)s, clock_timestamp()
        FROM unnest(%(users)s::uuid[]) AS user_id
        """,
        given,
    )


if __name__ == "__main__":
    main()
