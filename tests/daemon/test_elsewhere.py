"""An app that comes back to another machine: two daemons that share nothing but the database."""

from uuid import uuid4

import pytest
import trio

from relayd.database.pool import Pool
from relayd.events.hub import Hub
from relayd.events.listener import HubEars, listen
from relayd.keys.known import KnownKeys
from relayd.ledger.audit import audit
from relayd.ledger.postgres import Policy, PostgresLedger
from relayd.ledger.sweeper import register_boot
from relayd.ledger.wallet import Wallet
from relayd.session.endings import EndReason
from tests.accounts.world import make_accounts, registered
from tests.daemon.test_passage import until
from tests.session.audio import frame
from tests.session.returning import Returning
from tests.session.world import World

pytestmark = pytest.mark.system


async def ledger(database: Pool) -> PostgresLedger:
    """That of a daemon which has just started."""
    boot_id = uuid4()
    await register_boot(database, boot_id, "test")
    return PostgresLedger(database, boot_id, Policy(30_000, 1))


async def test_goes_on_there_and_pays_each_second_once(database: Pool) -> None:
    """The first daemon hears of it and settles to the byte; the second begins where words end."""
    ada = await registered(make_accounts(database))
    wallet = Wallet(database)
    await wallet.grant(ada.user.id, 600_000, "for a test", str(uuid4()))
    ledgers = {place: await ledger(database) for place in ("here", "there")}
    async with trio.open_nursery() as nursery:
        app = Returning(World(), nursery, stranger=ada.principal, ledgers=ledgers)
        hub = Hub()
        ears = HubEars(hub, KnownKeys(), app.sessions.recall)
        nursery.start_soon(listen, database.conninfo, ears)
        await until(lambda: hub.told)
        await app.connect()
        await until(lambda: app.client.heard)
        await app.speak(5000)
        app.client.hang_up()
        token = app.client.last("ready")["resume_token"]

        app.sessions = app.registry("there")
        await app.connect({"token": token, "received": 0, "start": len(frame(3000))})
        await until(lambda: app.client.heard)
        assert app.client.types() == ["ready"]
        # 5 s are charged; of 3 to 5 s nothing is charged again.
        assert app.client.last("ready")["seconds_remaining"] == 595
        (report,) = app.reports
        assert (report.reason, report.used_ms) == (EndReason.CLIENT_GONE, 5000)

        await app.speak(6000)
        app.client.say(type="stop")
        await until(lambda: app.client.closed)
        assert app.client.last("session_end")["seconds_used"] == 4
        await until(lambda: len(app.reports) == 2)
        nursery.cancel_scope.cancel()
    balance = await wallet.balance(ada.user.id)
    assert balance is not None
    assert (balance.balance_ms, balance.held_ms) == (591_000, 0)
    assert await database.transact(audit) == ()
