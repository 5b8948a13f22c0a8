"""Whoever changes credit locks the user's balance first: what else they lock can't deadlock."""

from collections.abc import Callable
from typing import Any, LiteralString

import psycopg
import pytest
import trio

from relayd.database.ports import Connection, Database
from relayd.payments.books import invoices, purchases, reversals
from tests.payments.stall import Stall

pytestmark = pytest.mark.system

Change = Callable[[Connection], Any]


async def of_a_purchase(stall: Stall) -> Change:
    """Its Session, looked at once more."""
    session_id = await stall.buy(await stall.user())
    session = await stall.stripe.session(session_id)
    assert session is not None
    return lambda connection: purchases.settle(connection, session, session.state())


async def of_a_refund(stall: Stall) -> Change:
    """A refund of a purchase."""
    refund = stall.stripe.refund_of(await stall.buy(await stall.user()), 100)
    return lambda connection: reversals.apply(connection, refund, 1000)


async def of_an_invoice(stall: Stall) -> Change:
    """An invoice, looked at once more."""
    session = await stall.subscribe(await stall.user())
    await stall.tell("checkout.session.completed", session["id"])
    invoice = await stall.stripe.invoice(session["invoice"])
    assert invoice is not None
    return lambda connection: invoices.settle(connection, invoice, 1000)


@pytest.mark.parametrize(
    ("prepared", "table"),
    [
        (of_a_purchase, "purchases"),
        (of_a_refund, "purchases"),
        (of_an_invoice, "subscription_invoices"),
    ],
)
async def test_the_balance_is_locked_first(
    database: Database,
    database_url: str,
    prepared: Callable[[Stall], Any],
    table: LiteralString,
) -> None:
    """While somebody else has the balance, nothing behind it is locked yet."""
    change = await prepared(Stall(database))
    with psycopg.connect(database_url) as other, trio.fail_after(20):
        other.execute("SELECT FROM credit_balance FOR UPDATE")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.transact, change)
            try:
                while not await database.transact(somebody_waits):
                    pass
                other.execute(f"SELECT FROM {table} FOR UPDATE NOWAIT")
            finally:
                other.rollback()


def somebody_waits(connection: Connection) -> bool:
    """Whether a lock of this database is waited for."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock')"
    ).fetchone()
    assert row is not None
    return bool(row[0])
