"""PostgreSQL tells of changes that anybody made, while somebody looks: ring 5."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
import trio
import trio.testing

from relayd.database.pool import Pool
from relayd.events import credit
from relayd.events.hub import Hub, HubSubscription
from relayd.events.listener import CREDIT, HubEars, listen
from relayd.identity import Principal
from relayd.keys.known import KnownKeys
from relayd.ledger.postgres import Policy, PostgresLedger
from relayd.ledger.sweeper import register_boot
from relayd.ledger.wallet import Wallet
from tests.accounts.world import make_accounts, registered
from tests.fixtures.locks import until_somebody_waits
from tests.ledger.steps import end_of, request_of

pytestmark = pytest.mark.system


@asynccontextmanager
async def listening(database: Pool, recalled: list[UUID] | None = None) -> AsyncIterator[Hub]:
    """A hub that is told; ``recalled`` gets the sessions that are wanted elsewhere."""
    hub = Hub()
    async with trio.open_nursery() as nursery:
        ears = HubEars(hub, KnownKeys(), (recalled if recalled is not None else []).append)
        nursery.start_soon(listen, database.conninfo, ears)
        await told(hub)
        yield hub
        nursery.cancel_scope.cancel()


async def told(hub: Hub) -> None:
    """Wait until the hub is told of changes."""
    with trio.fail_after(30):
        await trio.lowlevel.checkpoint()
        while not hub.told:
            await trio.lowlevel.checkpoint()


async def looking(hub: Hub, principal: Principal) -> HubSubscription:
    """Somebody who has seen how it is."""
    subscription = hub.subscribe(principal)
    assert subscription is not None
    subscription.changed = False
    return subscription


async def woken(subscription: HubSubscription) -> None:
    """Wait for the next news."""
    with trio.fail_after(10):
        await subscription.wait()


async def test_a_change_arrives(database: Pool) -> None:
    """A booking of another connection wakes who looks at that user, and shows in what is read."""
    ada = await registered(make_accounts(database))
    reader = credit.CreditReader(database)
    async with listening(database) as hub:
        one = await looking(hub, ada.principal)
        before = await reader.watch(ada.user.id)
        assert before == credit.Credit(balance_ms=0, sessions=0)
        await Wallet(database).grant(ada.user.id, 5000, "for a test", str(uuid4()))
        await woken(one)
        assert await reader.read(ada.user.id) == credit.Credit(balance_ms=5000, sessions=0)
    assert await reader.read(UUID(int=0)) is None


async def test_nobody_looks(database: Pool, database_url: str) -> None:
    """Without a watch, or past its time, nothing is told; old watches are forgotten."""
    accounts = make_accounts(database)
    ada, bob = await registered(accounts), await registered(accounts, "bob@example.com")
    wallet = Wallet(database)
    await credit.CreditReader(database).watch(bob.user.id)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"LISTEN {CREDIT}")
        connection.execute("UPDATE credit_watch SET expires_at = now()")
        for user_id in (ada.user.id, bob.user.id):
            await wallet.grant(user_id, 5000, "for a test", str(uuid4()))
        assert list(connection.notifies(timeout=0)) == []
        await database.transact(credit.forget_old)
        row = connection.execute("SELECT count(*) FROM credit_watch").fetchone()
        assert row == (0,)


async def test_a_change_under_way(database: Pool, database_url: str) -> None:
    """Whoever begins to look while a change is made waits for it, and is shown it."""
    ada = await registered(make_accounts(database))
    seen: list[credit.Credit | None] = []

    async def watch() -> None:
        seen.append(await credit.CreditReader(database).watch(ada.user.id))

    with psycopg.connect(database_url) as other, psycopg.connect(database_url) as watcher:
        watcher.autocommit = True
        other.execute("UPDATE credit_balance SET balance_ms = 7000")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await until_somebody_waits(watcher)
            other.commit()
    assert seen == [credit.Credit(balance_ms=7000, sessions=0)]


@pytest.mark.parametrize("how", ["logout", "everywhere", "disable", "password"])
async def test_an_ended_sign_in_arrives(database: Pool, how: str) -> None:
    """However a sign-in is ended, and by whom, what was opened from it hears of it."""
    accounts = make_accounts(database)
    ada, bob = await registered(accounts), await registered(accounts, "bob@example.com")
    async with listening(database) as hub:
        one, other = await looking(hub, ada.principal), await looking(hub, bob.principal)
        if how == "logout":
            await accounts.logout(ada.principal)
        elif how == "everywhere":
            await accounts.logout_everywhere(ada.principal)
        elif how == "disable":
            await accounts.disable(ada.user.email)
        else:
            await accounts.set_password(ada.user.email, "battery staple")
        await woken(one)
        assert one.ended
        assert not other.ended


async def test_a_lost_connection(database: Pool, database_url: str) -> None:
    """After an outage it listens again, and everybody looks, as nobody told them meanwhile."""
    ada = await registered(make_accounts(database))
    async with listening(database) as hub:
        one = await looking(hub, ada.principal)
        with psycopg.connect(database_url, autocommit=True) as killer:
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
        with trio.fail_after(10):
            await trio.lowlevel.checkpoint()
            while hub.told:
                await trio.lowlevel.checkpoint()
        assert not one.changed
        await woken(one)
        assert hub.told


async def test_nonsense(database: Pool, database_url: str) -> None:
    """Anybody with a connection may notify; what is no id of ours does no harm."""
    ada = await registered(make_accounts(database))
    async with listening(database) as hub:
        one = await looking(hub, ada.principal)
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_notify('relayd_credit', 'nonsense')")
            other.execute("SELECT pg_notify('relayd_sign_in', '')")
            other.execute("SELECT pg_notify('relayd_credit', %s)", (str(ada.user.id),))
        await woken(one)
        assert one.changed
        assert not one.ended


async def test_a_session_that_is_wanted_elsewhere_is_told(database: Pool) -> None:
    """Every daemon hears which one; of one that is over, or another user's, nobody does."""
    ada = await registered(make_accounts(database))
    boot_id, request, recalled = uuid4(), request_of(ada.principal), list[UUID]()
    await register_boot(database, boot_id, "test")
    await Wallet(database).grant(ada.user.id, 60_000, "for a test", str(uuid4()))
    ledger = PostgresLedger(database, boot_id, Policy(30_000, 1))
    await ledger.open(request)
    async with listening(database, recalled):
        assert await ledger.recall(request.session_id, uuid4())
        assert not await ledger.recall(request.session_id, ada.user.id)
        with trio.fail_after(10):
            await trio.lowlevel.checkpoint()
            while not recalled:
                await trio.lowlevel.checkpoint()
        await ledger.close(end_of(request.session_id, 0))
        assert await ledger.recall(request.session_id, ada.user.id)
    assert recalled == [request.session_id]
