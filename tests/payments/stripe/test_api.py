"""The adapter: deadlines and repetitions of ours, the version pinned, errors without quotations."""

import datetime as dt
import json
import logging
from collections.abc import Callable
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import attrs
import httpx
import pytest
import stripe
import trio
import trio.testing

from relayd import config
from relayd.errors import StripeUnavailable
from relayd.payments.ports import Buyer, CustomerGone, PurchaseOrder, SubscriptionOrder
from relayd.payments.stripe.api import API_VERSION, SdkStripe, open_stripe

# The SDK passes its form to httpx under a name that httpx would like to retire.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

BUYER = Buyer(UUID(int=1), "ada@example.org", "cus_1")
ORDER = PurchaseOrder(UUID(int=2), BUYER, "pack", "Pack", 700, "usd", "https://relay.example.org")
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "client_reference_id": str(ORDER.id),
    "status": "open",
    "payment_status": "unpaid",
    "amount_total": 700,
    "currency": "usd",
    "payment_intent": {"id": "pi_1", "object": "payment_intent", "status": "processing"},
    "url": "https://checkout.stripe.com/c/pay/cs_1",
    "mode": "payment",
    "customer": None,
    "invoice": None,
    "subscription": None,
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 700,
    "currency": "usd",
    "status": "pending",
    "payment_intent": "pi_1",
}
DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 700,
    "currency": "usd",
    "status": "needs_response",
    "payment_intent": "pi_1",
    "balance_transactions": [],
}
INVOICE = {
    "id": "in_1",
    "object": "invoice",
    "amount_paid": 2900,
    "currency": "usd",
    "status": "paid",
    "parent": None,
    "lines": {"object": "list", "data": []},
    "payments": None,
}
QUIET = ("stripe", "httpx", "httpcore")
Answer = Callable[[httpx.Request], httpx.Response]


@attrs.define(eq=False)
class Wire(httpx.AsyncBaseTransport):
    """What the SDK sends, and what it hears; the last answer is given again and again."""

    answers: list[httpx.Response | Exception | None]
    requests: list[httpx.Request] = attrs.field(factory=list)
    times: list[float] = attrs.field(factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request; None never answers."""
        await request.aread()
        self.requests.append(request)
        self.times.append(trio.current_time())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await trio.sleep_forever()
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return httpx.Response(answer.status_code, content=answer.content)

    def form(self, number: int = 0) -> dict[str, str]:
        """The parameters of a request."""
        return {
            name: one[0] for name, one in parse_qs(self.requests[number].read().decode()).items()
        }


def api_on(wire: Wire) -> SdkStripe:
    """The adapter on it."""
    http_client = stripe.HTTPXClient()
    http_client._client_async = httpx.AsyncClient(transport=wire)
    client = stripe.StripeClient("sk_test_x", http_client=http_client, max_network_retries=0)
    return SdkStripe(client, request_seconds=10)


def answer(body: object, status: int = 200) -> httpx.Response:
    """JSON."""
    return httpx.Response(status, content=json.dumps(body).encode())


def refusal(status: int, **error: str) -> httpx.Response:
    """An error as Stripe says it, quoting what it was sent."""
    return answer({"error": {"message": "ada@example.org sk_test_x", **error}}, status)


async def test_the_session_that_is_asked_for() -> None:
    """Mode payment, metadata on session and payment (whose it is, too), a key, no method types."""
    wire = Wire([answer(SESSION)])

    session = await api_on(wire).create_session(ORDER)

    metadata = {
        "purchase_id": str(ORDER.id),
        "package_id": "pack",
        "user_id": str(BUYER.user_id),
    }
    sent = wire.form()
    assert sent == {
        "mode": "payment",
        "client_reference_id": str(ORDER.id),
        **{f"metadata[{name}]": value for name, value in metadata.items()},
        **{f"payment_intent_data[metadata][{name}]": one for name, one in metadata.items()},
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "700",
        "line_items[0][price_data][product_data][name]": "Pack",
        "success_url": "https://relay.example.org/billing/success?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://relay.example.org/billing/cancel",
        "customer": "cus_1",
    }
    headers = wire.requests[0].headers
    assert headers["Idempotency-Key"] == f"relayd-checkout-{ORDER.id}"
    assert headers["Stripe-Version"] == API_VERSION == stripe.api_version
    assert not isinstance(session, CustomerGone)
    assert (session.id, session.payment_intent_id) == ("cs_1", "pi_1")
    assert session.payment_intent_status == "processing"


async def test_the_subscription_that_is_asked_for() -> None:
    """Mode subscription, a price of Stripe's, metadata on what recurs too, ways back."""
    wire = Wire([answer({**SESSION, "mode": "subscription"})])
    order = SubscriptionOrder(UUID(int=3), BUYER, "pro", "price_1", "https://relay.example.org")

    session = await api_on(wire).create_session(order)

    metadata = {"subscription_id": str(order.id), "plan": "pro", "user_id": str(BUYER.user_id)}
    assert wire.form() == {
        "mode": "subscription",
        "client_reference_id": str(order.id),
        **{f"metadata[{name}]": value for name, value in metadata.items()},
        **{f"subscription_data[metadata][{name}]": one for name, one in metadata.items()},
        "line_items[0][quantity]": "1",
        "line_items[0][price]": "price_1",
        "success_url": "https://relay.example.org/account?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://relay.example.org/account",
        "customer": "cus_1",
    }
    assert wire.requests[0].headers["Idempotency-Key"] == f"relayd-checkout-{order.id}"
    assert not isinstance(session, CustomerGone)
    assert session.subscribes


async def test_a_portal() -> None:
    """It is a customer's, and leads back; one who is gone is a value, all else for a person."""
    made = {"id": "bps_1", "object": "billing_portal.session", "url": "https://stripe.example/p"}
    missing = [refusal(404, code="resource_missing", param=one) for one in ("customer", "flow")]
    wire = Wire([answer(made), *missing])
    api = api_on(wire)
    back = "https://relay.example.org/account"
    assert await api.create_portal("cus_1", back) == "https://stripe.example/p"
    assert wire.form() == {"customer": "cus_1", "return_url": back}
    assert await api.create_portal("cus_1", back) == CustomerGone()
    with pytest.raises(StripeUnavailable, match="flow") as caught:
        await api.create_portal("cus_1", back)
    assert caught.value.refused


async def test_a_guest() -> None:
    """Without a customer the address is filled in, and the request has a key of its own."""
    wire = Wire([answer(SESSION)])
    guest = attrs.evolve(ORDER, buyer=attrs.evolve(BUYER, customer_id=None))
    await api_on(wire).create_session(guest)
    assert wire.form()["customer_email"] == "ada@example.org"
    assert "customer" not in wire.form()
    assert wire.requests[0].headers["Idempotency-Key"] == f"relayd-checkout-{ORDER.id}-guest"


async def test_a_customer_that_is_gone() -> None:
    """It is a value: the shop knows what to do."""
    wire = Wire([refusal(400, code="resource_missing", param="customer")])
    assert await api_on(wire).create_session(ORDER) == CustomerGone()


async def test_something_else_that_is_missing() -> None:
    """What an order names and Stripe doesn't have is for a person to mend, and named."""
    wire = Wire([refusal(400, code="resource_missing", param="line_items")])
    with pytest.raises(
        StripeUnavailable, match="Stripe: InvalidRequestError resource_missing"
    ) as caught:
        await api_on(wire).create_session(ORDER)
    assert "line_items" in str(caught.value)
    assert caught.value.refused


async def test_what_is_not_there() -> None:
    """Unknown objects are none."""
    wire = Wire([refusal(404, code="resource_missing", param="session")])
    api = api_on(wire)
    assert await api.session("cs_1") is None
    assert await api.refund("re_1") is None
    assert await api.dispute("dp_1") is None
    assert await api.subscription("sub_1") is None
    assert await api.cancel_subscription("sub_1") is None
    assert await api.invoice("in_1") is None
    assert await api.price("price_1") is None
    assert await api.receipt_url("pi_1") is None


async def test_a_customer_is_made_once() -> None:
    """Whoever asks for a user's customer asks with the user's key."""
    wire = Wire([answer({"id": "cus_7", "object": "customer"})])
    assert await api_on(wire).create_customer(BUYER) == "cus_7"
    assert wire.requests[0].headers["Idempotency-Key"] == f"relayd-customer-{BUYER.user_id}"
    assert wire.form() == {"email": "ada@example.org", "metadata[user_id]": str(BUYER.user_id)}


PASSING = [
    refusal(500),
    refusal(503),
    refusal(429, code="rate_limit"),
    refusal(409, code="lock_timeout"),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    httpx.Response(502, content=b"<html>"),
]


@pytest.mark.parametrize("fault", PASSING, ids=repr)
async def test_repeated(
    fault: httpx.Response | Exception, autojump_clock: trio.testing.MockClock
) -> None:
    """What passes by itself is tried three times in two seconds, with the same key."""
    wire = Wire([fault, fault, answer(SESSION)])
    await api_on(wire).create_session(ORDER)
    assert wire.times == [0, 0.5, 2]
    assert len({one.headers["Idempotency-Key"] for one in wire.requests}) == 1


async def test_repeated_in_vain(autojump_clock: trio.testing.MockClock) -> None:
    """Then it is unavailable, and nobody is to blame."""
    wire = Wire([refusal(500)])
    with pytest.raises(StripeUnavailable) as caught:
        await api_on(wire).session("cs_1")
    assert len(wire.times) == 3
    assert not caught.value.refused


async def test_no_answer(autojump_clock: trio.testing.MockClock) -> None:
    """Each of three tries has its deadline."""
    wire = Wire([None])
    with pytest.raises(StripeUnavailable, match="within 10 s"):
        await api_on(wire).session("cs_1")
    assert trio.current_time() == 32


@pytest.mark.parametrize("status", [400, 401, 402, 403])
async def test_refused(status: int, autojump_clock: trio.testing.MockClock) -> None:
    """What will not pass is not repeated; neither address nor key stands in any traceback."""
    wire = Wire([refusal(status, code="parameter_invalid", param="email")])
    with pytest.raises(StripeUnavailable) as caught:
        await api_on(wire).create_customer(BUYER)
    assert caught.value.refused
    assert len(wire.times) == 1
    assert str(status) in str(caught.value)
    error: BaseException | None = caught.value
    while error is not None:
        assert "ada@" not in str(error)
        assert "sk_test" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize(
    ("amounts", "withdrawn", "reinstated"),
    [([], False, False), ([-700], True, False), ([-700, 700], False, True), ([0], False, True)],
)
async def test_where_the_money_of_a_dispute_is(
    amounts: list[int], withdrawn: bool, reinstated: bool
) -> None:
    """Its balance transactions say so: negative together while the bank has it."""
    moves = [{"object": "balance_transaction", "amount": amount} for amount in amounts]
    body = {**DISPUTE, "balance_transactions": moves}
    dispute = await api_on(Wire([answer(body)])).dispute("dp_1")
    assert dispute is not None
    assert (dispute.withdrawn, dispute.reinstated) == (withdrawn, reinstated)


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("list_sessions", SESSION),
        ("list_invoices", INVOICE),
        ("list_refunds", REFUND),
        ("list_disputes", DISPUTE),
    ],
)
async def test_pages(name: str, thing: dict[str, object]) -> None:
    """Each list is asked for from a moment on, and goes on after its last object."""
    more = answer({"object": "list", "data": [thing], "has_more": True, "url": "/v1/x"})
    end = answer({"object": "list", "data": [], "has_more": False, "url": "/v1/x"})
    wire = Wire([more, end])
    since = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    first = await getattr(api_on(wire), name)(since, None)
    second = await getattr(api_on(wire), name)(since, first.after)
    assert (len(first.items), first.after, second.after) == (1, thing["id"], None)
    query = dict(wire.requests[1].url.params)
    assert query["created[gte]"] == str(int(since.timestamp()))
    assert (query["starting_after"], query["limit"]) == (thing["id"], "100")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"status": None}, ("succeeded", "pi_1")),
        ({"payment_intent": {"id": "pi_2", "object": "payment_intent"}}, ("pending", "pi_2")),
        ({"payment_intent": {"object": "payment_intent"}}, ("pending", None)),
        ({"payment_intent": {"id": 3, "object": "payment_intent"}}, ("pending", None)),
        ({"payment_intent": None}, ("pending", None)),
    ],
)
async def test_what_a_refund_may_leave_out(
    said: dict[str, object], kept: tuple[str, str | None]
) -> None:
    """A status that is absent has always meant success; a payment may be whole, named or none."""
    refund = await api_on(Wire([answer({**REFUND, **said})])).refund("re_1")
    assert refund is not None
    assert (refund.status, refund.payment_intent_id) == kept


async def test_quiet() -> None:
    """Neither the SDK nor httpx logs requests: an address would be among their parameters."""
    settings = config.Stripe(api_key="sk_test_x", api_url="http://127.0.0.1:1", request_seconds=1)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG)
    async with open_stripe(settings) as api:
        assert api.client._requestor._options.max_network_retries == 0
    for name in QUIET:
        assert logging.getLogger(name).getEffectiveLevel() == logging.WARNING
    assert stripe.enable_telemetry is False
    assert str(uuid4()) not in repr(api)
