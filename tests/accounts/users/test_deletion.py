"""What a deletion leaves in PostgreSQL: the books, whole, and nothing of the person."""

from uuid import uuid4

import psycopg
import pytest
import trio
from psycopg import sql

from relayd.accounts.outcomes import SignedIn, User
from relayd.accounts.users.deletion import delete_user
from relayd.database.ports import Connection, Database
from relayd.intake.upload_rows import Begun, UploadRows
from relayd.ledger import audit
from relayd.ledger.holds import Policy
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.sweeper import register_boot
from relayd.ledger.wallet import Wallet
from relayd.session.endings import EndReason
from relayd.session.ports import OpenRefusal, OpenRequest, Revoked, Settlement
from tests.accounts.world import EMAIL, PASSWORD, make_accounts, registered
from tests.fixtures.locks import until_somebody_waits

pytestmark = pytest.mark.system

ADDRESS = "192.0.2.77"


async def ledger_of(database: Database) -> PostgresLedger:
    """That of a daemon which runs."""
    ledger = PostgresLedger(database, uuid4(), Policy())
    await register_boot(database, ledger.boot_id, "test")
    return ledger


def request_of(signed_in: SignedIn) -> OpenRequest:
    """A stream of theirs."""
    return OpenRequest(uuid4(), signed_in.principal, "engine", "model", ADDRESS)


async def credited(database: Database) -> SignedIn:
    """Somebody with ten minutes."""
    signed_in = await registered(make_accounts(database))
    await Wallet(database).grant(signed_in.user.id, 600_000, "for a test", str(uuid4()))
    return signed_in


async def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    """What is stored."""

    def read(connection: Connection) -> list[tuple[object, ...]]:
        return connection.execute(query.encode()).fetchall()

    return await database.transact(read)


def everything(connection: Connection) -> str:
    """Every row of every table, as text."""
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    ).fetchall()
    query = sql.SQL("SELECT to_jsonb(t) FROM {} AS t")
    return "\n".join(
        str(connection.execute(query.format(sql.Identifier(name))).fetchall()) for (name,) in tables
    )


async def test_with_a_live_session(database: Database) -> None:
    """It ends at its next renewal, is charged what it used, and the books balance throughout."""
    owner = await credited(database)
    ledger = await ledger_of(database)
    ended, live = request_of(owner), request_of(owner)
    await ledger.open(ended)
    await ledger.close(Settlement(ended.session_id, 1000, None, EndReason.COMPLETED))
    await ledger.open(live)

    assert isinstance(await make_accounts(database).delete_own(owner.principal, PASSWORD), User)

    assert await database.transact(audit.audit) == ()
    renewed = await ledger.renew(live.session_id, 2000, 60_000)
    assert isinstance(renewed, Revoked)
    assert await ledger.open(request_of(owner)) is OpenRefusal.AUTH_REVOKED
    await ledger.close(Settlement(live.session_id, 2000, None, EndReason.AUTH_REVOKED))
    assert await database.transact(audit.audit) == ()
    # Credit is lost by being nobody's: nothing is booked for it.
    booked = await rows(database, "SELECT amount_ms FROM usage_ledger ORDER BY id")
    assert booked == [(600_000,), (-1000,), (-2000,)]


async def test_nothing_of_the_person_stays(database: Database) -> None:
    """Neither the address, nor the password's hash, nor where sessions came from."""
    owner = await credited(database)
    ledger = await ledger_of(database)
    for _ in range(2):
        await ledger.open(request_of(owner))
    stored = await database.transact(everything)
    assert EMAIL in stored
    assert ADDRESS in stored
    await make_accounts(database).delete(EMAIL)
    stored = await database.transact(everything)
    for personal in (EMAIL, ADDRESS, "$2b$"):
        assert personal not in stored
    assert str(owner.user.id) in stored


@pytest.mark.parametrize(
    ("customer", "bought", "left"),
    [(None, False, []), ("cus_1", False, []), (None, True, []), ("cus_1", True, [("cus_1",)])],
)
async def test_the_customer_at_stripe(
    database: Database, customer: str | None, bought: bool, left: list[tuple[str]]
) -> None:
    """Is remembered for what was bought, and never made for somebody who is gone."""
    owner = await credited(database)

    def prepare(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO stripe_customers (user_id, customer_id) VALUES (%s, %s)",
            (owner.user.id, customer),
        )
        if bought:
            connection.execute(
                "INSERT INTO purchases (id, user_id, package_id, label, seconds, price_cents,"
                " currency) VALUES (%s, %s, 'small', 'Small', 60, 100, 'usd')",
                (uuid4(), owner.user.id),
            )

    await database.transact(prepare)
    await make_accounts(database).delete(EMAIL)
    assert await rows(database, "SELECT customer_id FROM stripe_customers") == left
    assert len(await rows(database, "SELECT id FROM purchases")) == bought


async def test_a_stream_that_opens_meanwhile(database: Database, database_url: str) -> None:
    """It waits for the deletion and is refused: no session comes after its user."""
    owner = await credited(database)
    ledger = await ledger_of(database)
    opened: list[object] = []

    async def open_stream() -> None:
        opened.append(await ledger.open(request_of(owner)))

    with psycopg.connect(database_url) as under_way, psycopg.connect(database_url) as watcher:
        watcher.autocommit = True
        delete_user(under_way, owner.user.id, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_stream)
            await until_somebody_waits(watcher)
            under_way.commit()
    assert opened == [OpenRefusal.AUTH_REVOKED]
    assert await rows(database, "SELECT id FROM transcription_sessions") == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE transcription_sessions SET client_address = 'elsewhere'",
        "UPDATE transcription_sessions SET client_address = '', engine = 'other'",
        "UPDATE transcription_sessions SET client_address = '', used_ms = 1001, held_ms = 1001",
    ],
)
async def test_a_settled_session_loses_its_address_and_nothing_else(
    database: Database, change: str
) -> None:
    """Neither another address nor anything beside it."""
    ledger = await ledger_of(database)
    request = request_of(await credited(database))
    await ledger.open(request)
    await ledger.close(Settlement(request.session_id, 1000, None, EndReason.COMPLETED))

    def rewrite(connection: Connection) -> None:
        connection.execute(change.encode())

    with pytest.raises(psycopg.errors.RestrictViolation):
        await database.transact(rewrite)


async def test_a_deleted_user_stays_out(database: Database) -> None:
    """Even by hand nobody gives one an address again, or lets one in."""
    await credited(database)
    await make_accounts(database).delete(EMAIL)
    for change in (
        "UPDATE users SET disabled_at = NULL",
        "UPDATE users SET email = 'ada@example.com'",
        "UPDATE users SET password_hash = repeat('x', 60)",
    ):

        def undo(connection: Connection, change: str = change) -> None:
            connection.execute(change.encode())

        with pytest.raises(psycopg.errors.CheckViolation):
            await database.transact(undo)


async def test_what_is_coming_in_ends(database: Database) -> None:
    """An upload under way is nobody's from then on; those of others go on."""
    owner, other = await credited(database), uuid4()
    records = UploadRows(database)
    theirs = await records.create(Begun(uuid4(), owner.user.id, "talk.mp3", 10), 3600, 8)
    assert theirs is not None
    await make_accounts(database).delete(EMAIL)

    assert await records.advance(theirs.id, 5, 3600) is None
    assert await records.recorded([theirs.id]) == set()
    assert await records.deleted([owner.user.id, other]) == {owner.user.id}
