"""The fast port of the histories says what the adapter with the SDK says."""

import datetime as dt
from uuid import UUID

import attrs
import pytest

from relayd.errors import StripeUnavailable
from relayd.payments.ports import (
    Buyer,
    CheckoutSession,
    CustomerGone,
    PurchaseOrder,
    StripeApi,
    SubscriptionOrder,
)
from relayd.payments.stripe.api import SdkStripe
from tests.payments.stripe.direct_stripe import DirectStripe
from tests.stripe_standin import Account, Api, Fault, Whim
from tests.stripe_standin.client import InMemory, in_memory_client
from tests.stripe_standin.story import everything, subscribed
from tests.stripe_standin.subscriptions import PERIOD_SECONDS

# The SDK gives httpx a text under a name that httpx would rather see for forms only.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

LONG_AGO = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BUYER = Buyer(UUID(int=1), "jo@example.org", None)
ORDER = PurchaseOrder(
    UUID(int=2), BUYER, "pack_500", "500 minutes", 599, "usd", "https://relayd.test"
)


def ports(api: Api) -> tuple[StripeApi, StripeApi]:
    """Both, on the same account."""
    return SdkStripe(in_memory_client(InMemory(api))), DirectStripe(api)


async def test_both_read_every_object_alike() -> None:
    """Each session, refund and dispute of an account in which everything has happened."""
    account = everything()
    sdk, direct = ports(Api(account))
    tables = account.records.tables
    for key in [*tables["cs"], "cs_unknown"]:
        assert await sdk.session(key) == await direct.session(key)
    for key in tables["re"]:
        assert await sdk.refund(key) == await direct.refund(key)
    for key in tables["dp"]:
        assert await sdk.dispute(key) == await direct.dispute(key)
    receipts = set()
    for key in [*tables["pi"], "pi_unknown"]:
        assert await sdk.sessions_of(key) == await direct.sessions_of(key)
        receipts.add(await sdk.receipt_url(key))
        assert await direct.receipt_url(key) in receipts
    # Of payments that failed, and of none that there is, no receipt.
    assert None in receipts
    assert len(receipts) > 2
    for key in tables["ch"]:
        assert await sdk.refunds_of(key) == await direct.refunds_of(key)


async def test_both_read_what_recurs_alike() -> None:
    """Each subscription, invoice and price, and whom they belong to."""
    account = everything()
    sdk, direct = ports(Api(account))
    tables = account.records.tables
    for key in [*tables["sub"], "sub_unknown"]:
        assert await sdk.subscription(key) == await direct.subscription(key)
        found = await sdk.sessions_of_subscription(key)
        assert found == await direct.sessions_of_subscription(key)
        assert all(one.subscribes and one.subscription_id == key for one in found)
    paid = []
    for key in [*tables["in"], "in_unknown"]:
        invoice = await sdk.invoice(key)
        assert invoice == await direct.invoice(key)
        paid += [invoice] if invoice is not None and invoice.paid else []
    assert len(paid) > 2
    for invoice in paid:
        assert invoice.payment_intent_id is not None
        assert await sdk.invoice_ids_of(invoice.payment_intent_id) == (invoice.id,)
    for key in tables["pi"]:
        assert await sdk.invoice_ids_of(key) == await direct.invoice_ids_of(key)
    for key in [*tables["price"], "price_unknown"]:
        assert await sdk.price(key) == await direct.price(key)


async def test_a_period_is_that_of_the_line() -> None:
    """Not the invoice's own, which is the one before, nor the subscription's, which has none."""
    account = Account()
    began = account.checkout.pay(subscribed(account)["id"])
    account.subscriptions.renew(began["subscription"])
    sdk, _ = ports(Api(account))
    first = await sdk.invoice(began["invoice"])
    subscription = await sdk.subscription(began["subscription"])
    assert first is not None
    assert first.period_end is not None
    assert subscription is not None
    assert subscription.period_end == first.period_end + dt.timedelta(seconds=PERIOD_SECONDS)
    shown = account.records.tables["in"][began["invoice"]]
    assert shown["period_end"] < first.period_end.timestamp()


async def test_both_list_alike() -> None:
    """The same pages, filtered by time."""
    sdk, direct = ports(Api(everything()))
    assert await sdk.list_sessions(LONG_AGO, None) == await direct.list_sessions(LONG_AGO, None)
    assert await sdk.list_refunds(LONG_AGO, None) == await direct.list_refunds(LONG_AGO, None)
    assert await sdk.list_disputes(LONG_AGO, None) == await direct.list_disputes(LONG_AGO, None)
    assert await sdk.list_invoices(LONG_AGO, None) == await direct.list_invoices(LONG_AGO, None)


async def test_both_make_the_same_things() -> None:
    """A customer, and a session that asks for as much."""
    made = []
    for place in range(2):
        account = Account()
        port = ports(Api(account))[place]
        assert await port.create_customer(BUYER) in account.records.tables["cus"]
        made.append(await port.create_session(ORDER))
    assert made[0] == made[1]


async def test_both_subscribe_alike() -> None:
    """A session for a price, a portal for whoever paid, an end with the period."""
    made = []
    for place in range(2):
        account = Account()
        port = ports(Api(account))[place]
        price = account.subscriptions.price(2900)["id"]
        known = attrs.evolve(BUYER, customer_id=await port.create_customer(BUYER))
        order = SubscriptionOrder(UUID(int=2), known, "pro", price, "https://relayd.test")
        session = await port.create_session(order)
        assert isinstance(session, CheckoutSession)
        paid = account.checkout.pay(session.id)
        portal = await port.create_portal(paid["customer"], "https://relayd.test/plan")
        ended = await port.cancel_subscription(paid["subscription"])
        assert ended is not None
        assert ended.cancels
        assert await port.create_portal("cus_gone", "https://relayd.test/plan") == CustomerGone()
        made.append((session, portal, ended))
    assert made[0][0].subscribes
    assert made[0][1] == made[1][1]


async def test_both_sell_to_customers_alike() -> None:
    """A session is its customer's; one that Stripe doesn't know is said to be gone."""
    for place in range(2):
        account = Account()
        port = ports(Api(account))[place]
        known = attrs.evolve(BUYER, customer_id=await port.create_customer(BUYER))
        made = await port.create_session(attrs.evolve(ORDER, buyer=known))
        assert isinstance(made, CheckoutSession)
        assert account.checkout.get(made.id)["customer"] == known.customer_id
        unknown = attrs.evolve(BUYER, customer_id="cus_gone")
        gone = attrs.evolve(ORDER, id=UUID(int=3), buyer=unknown)
        assert await port.create_session(gone) == CustomerGone()


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.LIMITED, Fault.CUT])
async def test_both_fail_alike(fault: Fault, autojump_clock: object) -> None:
    """What Stripe can't answer, however often it is tried, is `StripeUnavailable`."""
    api = Api(everything())
    for port in ports(api):
        api.whims.extend([Whim(fault)] * 3)
        with pytest.raises(StripeUnavailable) as caught:
            await port.refund("re_unknown")
        assert not caught.value.refused
        api.whims.clear()
        assert await port.refund("re_unknown") is None
