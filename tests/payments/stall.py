"""A shop on a real database and a stand-in Stripe, and what a test does in it."""

import json
from collections.abc import Sequence
from typing import Any

import attrs
import stripe

from relayd.config import Package, Secret
from relayd.database.ports import Connection, Database
from relayd.identity import Principal
from relayd.ledger import balances, lots
from relayd.ledger.audit import audit
from relayd.ledger.lots import LotRecord
from relayd.ledger.outcomes import Balance
from relayd.payments.books.purchases import PurchaseRecord, recent
from relayd.payments.books.subscriptions import ForSubscribers
from relayd.payments.fulfilment.signature import Standard
from relayd.payments.shop import Accepted, CheckoutUrl, Rejected, Shop
from tests.ledger.store import Store
from tests.payments.till import Till
from tests.stripe_standin.shapes import Json

__all__ = [
    "MS",
    "PACK",
    "PRICE",
    "PRO",
    "SECRET",
    "Stall",
    "event_body",
    "outcomes",
    "signature_of",
]

NOW = 1_800_000_000
SECRET = "whsec_test"
VERSION = "2026-01-01.test"
# Neither divides the other: rounding shows.
PACK = Package(id="pack", label="Pack", seconds=1000, price_cents=700)
PRICE = PACK.price_cents
PRO = ForSubscribers("pro", "price_pro", 2900, "usd", 60_007, live=True)
MS = PACK.seconds * 1000
REVERSALS = ("refund", "refund_failed")


def event_body(number: int, kind: str, object_id: str, **changes: Any) -> bytes:
    """An event as Stripe sends it."""
    event = {
        "id": f"evt_{number}",
        "object": "event",
        "type": kind,
        "api_version": VERSION,
        "livemode": False,
        "data": {"object": {"id": object_id}},
    }
    return json.dumps(event | changes).encode()


def signature_of(body: bytes, at: int = NOW) -> str:
    """Its header."""
    return str(stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, at))


@attrs.define(eq=False)
class Stall:
    """Make it inside of Trio."""

    database: Database
    stripe: Till = attrs.field(factory=Till)
    shop: Shop = attrs.field(init=False)
    events: int = 0

    def __attrs_post_init__(self) -> None:
        standard = Standard((Secret(SECRET),), VERSION, live=False)
        self.shop = Shop(
            self.database, self.stripe, [PACK], standard, clock=lambda: NOW, plans=[PRO]
        )
        self.stripe.account.subscriptions.price(PRO.price_cents, key=PRO.price_id)

    async def user(self) -> Principal:
        """Somebody who signed in once, and proved their address."""

        def add(connection: Connection) -> Principal:
            who = Store(connection).add_user()
            connection.execute(
                "UPDATE users SET email_proven_at = now() WHERE id = %s", (who.user_id,)
            )
            return who

        return await self.database.transact(add)

    async def begin(self, who: Principal) -> str:
        """A purchase up to Stripe's page; its Session."""
        outcome = await self.shop.checkout(who, "pack", "https://relay.example.org/")
        assert isinstance(outcome, CheckoutUrl)
        return outcome.checkout_session_id

    async def buy(self, who: Principal) -> str:
        """A purchase that is paid and credited; its Session."""
        session_id = await self.begin(who)
        self.stripe.pay(session_id)
        await self.shop.fulfil(session_id)
        return session_id

    async def subscribe(self, who: Principal) -> Json:
        """A subscription up to Stripe's page, paid there; its Session, of which nobody has told."""
        outcome = await self.shop.subscribing.begin(who, PRO.name, "https://relay.example.org/")
        assert isinstance(outcome, CheckoutUrl)
        return self.stripe.account.checkout.pay(outcome.checkout_session_id)

    async def lots(self, who: Principal) -> list[LotRecord]:
        """What runs out of somebody's credit."""
        return await self.database.transact(lots.of_user, who.user_id)

    async def tell(self, kind: str, object_id: str) -> None:
        """Stripe tells of something, and it is worked on."""
        await self.deliver(kind, object_id)
        await self.work()

    async def deliver(self, kind: str, object_id: str) -> Accepted | Rejected:
        """A message arrives."""
        self.events += 1
        body = event_body(self.events, kind, object_id)
        return await self.shop.webhook(body, signature_of(body))

    async def work(self) -> None:
        """What is due is worked on."""
        while await self.shop.events.work():
            pass

    async def make_due(self) -> None:
        """Leases are over."""
        await self.database.transact(_age)

    async def balance(self, who: Principal) -> Balance:
        """What somebody has."""
        balance = await self.database.transact(balances.read, who.user_id)
        assert balance is not None
        return balance

    async def purchases(self) -> list[PurchaseRecord]:
        """Every purchase, newest first."""
        return await self.database.transact(recent, None, 100)

    async def entries(self) -> list[tuple[str, int]]:
        """Every line of the ledger, in order."""
        return await self.database.transact(_entries)

    async def reasons(self, *kinds: str) -> list[str]:
        """What stands beside bookings: what refunds took and gave back, or what else is asked."""
        return [reason for _, reason in await self.database.transact(_booked, kinds or REVERSALS)]

    async def references(self) -> list[str]:
        """Under which names those are booked."""
        return [reference for reference, _ in await self.database.transact(_booked, REVERSALS)]

    async def unprocessed(self) -> int:
        """Messages that wait."""
        return await self.database.transact(_unprocessed)

    async def assert_balanced(self) -> None:
        """Every identity holds."""
        assert await self.database.transact(audit) == ()


def _age(connection: Connection) -> None:
    connection.execute("UPDATE stripe_events SET next_attempt_at = now()")
    connection.execute("UPDATE stripe_customers SET next_attempt_at = now()")


def outcomes(connection: Connection) -> list[str]:
    """What came of every message, in the order of their numbers."""
    rows = connection.execute(
        "SELECT outcome FROM stripe_events ORDER BY length(event_id), event_id"
    ).fetchall()
    return [row[0] for row in rows]


def _entries(connection: Connection) -> list[tuple[str, int]]:
    rows = connection.execute("SELECT kind, amount_ms FROM usage_ledger ORDER BY id").fetchall()
    return [(row[0], row[1]) for row in rows]


def _booked(connection: Connection, kinds: Sequence[str]) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT reference, reason FROM usage_ledger WHERE kind = ANY(%s) ORDER BY id",
        (list(kinds),),
    ).fetchall()


def _unprocessed(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM stripe_events WHERE processed_at IS NULL"
    ).fetchone()
    assert row is not None
    return int(row[0])
