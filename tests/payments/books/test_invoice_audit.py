"""The audit finds what is wrong with invoices and their lots, and nothing where all is well."""

from typing import LiteralString

import pytest
from psycopg import sql

from relayd.database.ports import Connection, Database
from relayd.ledger.audit import RULES, audit
from tests.payments.stall import Stall

pytestmark = pytest.mark.system

LOTS, CLAIMED = (
    next(rule for rule in RULES if rule.startswith(words))
    for words in ("one lot per paid invoice", "wanted back in proportion")
)


async def refunded(database: Database) -> None:
    """An invoice that is paid and a third of which was given back, and one that is open."""
    stall = Stall(database)
    who = await stall.user()
    session = await stall.subscribe(who)
    await stall.tell("checkout.session.completed", session["id"])
    refund = stall.stripe.account.refund(session["invoice"], 1000)
    await stall.tell("refund.created", refund["id"])
    account = stall.stripe.account
    later = account.subscriptions.renew(session["subscription"], paid=False)
    await stall.tell("invoice.payment_failed", later["latest_invoice"])
    await stall.assert_balanced()


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        ("UPDATE subscription_invoices SET granted_ms = 0, claimed_ms = 0", {LOTS}),
        ("UPDATE subscription_invoices SET granted_ms = granted_ms + 1", {LOTS}),
        ("UPDATE subscription_invoices SET claimed_ms = claimed_ms - 1", {LOTS, CLAIMED}),
        ("UPDATE subscription_invoices SET period_end = period_end + '1 s'::interval", {LOTS}),
        ("UPDATE subscription_invoices SET paid_cents = paid_cents + 500", {CLAIMED}),
        ("UPDATE purchase_reversals SET amount_cents = 0, counted_cents = 0", {CLAIMED}),
        ("UPDATE credit_lots SET source_id = 'in_another'", {LOTS}),
        ("UPDATE credit_lots SET claimed_ms = claimed_ms + 1", {LOTS}),
    ],
)
async def test_finds_what_is_broken(
    database: Database, statement: LiteralString, rules: set[str]
) -> None:
    """Amount, period, share and owner of a lot are those of its invoice, and of its refunds."""
    await refunded(database)

    def tamper(connection: Connection) -> None:
        connection.execute("ALTER TABLE credit_lots DISABLE TRIGGER USER")
        for table in ("subscription_invoices", "credit_lots", "purchase_reversals"):
            checks = connection.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'",
                (table,),
            ).fetchall()
            for (name,) in checks:
                drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
                connection.execute(drop.format(sql.Identifier(table), sql.Identifier(name)))
        where: LiteralString = " WHERE granted_ms > 0" if "_invoices" in statement else ""
        connection.execute(statement + where)

    await database.transact(tamper)
    found = {one.rule for one in await database.transact(audit)}
    # What a lot's own rule says of it besides is the ledger's test.
    assert found & {LOTS, CLAIMED} == rules
