"""The stand-in is right only if Stripe's own SDK uses it unchanged, over sockets, under Trio."""

import json
from collections.abc import Awaitable, Callable

import pytest
import stripe
import trio

from tests.stripe_standin import Fault, StandInStripe, Whim
from tests.stripe_standin.client import client_of
from tests.stripe_standin.postman import sign
from tests.stripe_standin.records import VERSION

pytestmark = [
    pytest.mark.system,
    # The SDK gives httpx a text under a name that httpx would rather see for forms only.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

SECONDS = 20


async def with_stand_in(
    use: Callable[[StandInStripe, stripe.StripeClient], Awaitable[None]],
    key: str = "sk_test_standin",
) -> None:
    """Run a client of the SDK against a stand-in on a loopback socket."""
    stand_in = StandInStripe()
    async with trio.open_nursery() as nursery:
        url = await nursery.start(stand_in.serve)
        client = client_of(url, key)
        try:
            with trio.fail_after(SECONDS):
                await use(stand_in, client)
        finally:
            assert client._requestor._client is not None
            with trio.move_on_after(1, shield=True):
                await client._requestor._client.close_async()  # type: ignore[no-untyped-call]
        nursery.cancel_scope.cancel()


async def session_of(client: stripe.StripeClient, key: str = "first") -> stripe.checkout.Session:
    """A session, asked for as a shop would."""
    return await client.v1.checkout.sessions.create_async(
        {
            "mode": "payment",
            "client_reference_id": "purchase-1",
            "line_items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 1900,
                        "product_data": {"name": "500 minutes"},
                    },
                    "quantity": 1,
                }
            ],
            "metadata": {"purchase": "1"},
            "payment_intent_data": {"metadata": {"purchase": "1"}},
            "success_url": "https://relayd.test/success?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://relayd.test/cancel",
        },
        {"idempotency_key": key},
    )


async def test_the_official_sdk_sells() -> None:
    """Customer, session, payment, refund, dispute: each parses as the SDK's own class."""

    async def use(stand_in: StandInStripe, client: stripe.StripeClient) -> None:
        customer = await client.v1.customers.create_async({"email": "jo@example.org"})
        assert isinstance(customer, stripe.Customer)
        again = await client.v1.customers.retrieve_async(customer.id)
        assert again.email == "jo@example.org"
        session = await session_of(client)
        assert isinstance(session, stripe.checkout.Session)
        assert (session.status, session.payment_status) == ("open", "unpaid")
        assert session.url == f"{stand_in.url}/pay/{session.id}"
        assert session.payment_intent is None
        stand_in.account.checkout.pay(session.id)
        paid = await client.v1.checkout.sessions.retrieve_async(
            session.id, {"expand": ["payment_intent.latest_charge", "line_items"]}
        )
        assert (paid.status, paid.payment_status, paid.amount_total) == ("complete", "paid", 1900)
        assert isinstance(paid.payment_intent, stripe.PaymentIntent)
        assert paid.payment_intent.metadata.to_dict() == {"purchase": "1"}
        assert isinstance(paid.payment_intent.latest_charge, stripe.Charge)
        assert paid.line_items is not None
        refund = await client.v1.refunds.create_async(
            {"payment_intent": paid.payment_intent.id, "amount": 900}
        )
        assert isinstance(refund, stripe.Refund)
        dispute = stand_in.account.dispute(session.id)
        found = await client.v1.disputes.list_async({"payment_intent": paid.payment_intent.id})
        assert [one.id for one in found.data] == [dispute["id"]]

    await with_stand_in(use)


async def test_the_sdk_pages_through_lists() -> None:
    """More than a page, newest first, by creation time, each object once."""

    async def use(stand_in: StandInStripe, client: stripe.StripeClient) -> None:
        made = [(await session_of(client, str(turn))).id for turn in range(25)]
        sessions = client.v1.checkout.sessions
        found = await sessions.list_async({"limit": 10, "created": {"gte": 0}})
        assert [one.id async for one in found.auto_paging_iter()] == made[::-1]
        nothing = await sessions.list_async({"created": {"lt": 1}})
        assert nothing.data == []

    await with_stand_in(use)


async def test_a_key_repeats_an_answer_and_refuses_another_request() -> None:
    """The same idempotency key gives the same object, or an idempotency error."""

    async def use(stand_in: StandInStripe, client: stripe.StripeClient) -> None:
        first = await session_of(client, "key")
        assert (await session_of(client, "key")).id == first.id
        with pytest.raises(stripe.IdempotencyError):
            await client.v1.checkout.sessions.create_async(
                {"mode": "payment"}, {"idempotency_key": "key"}
            )

    await with_stand_in(use)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.ERROR, stripe.APIError),
        (Fault.LIMITED, stripe.RateLimitError),
        (Fault.REFUSED, stripe.AuthenticationError),
        (Fault.CUT, stripe.APIConnectionError),
        (Fault.LOST, stripe.APIConnectionError),
    ],
)
async def test_faults_are_the_sdks_errors(fault: Fault, error: type[stripe.StripeError]) -> None:
    """Each fault is seen once as Stripe's; only a lost answer has done something."""

    async def use(stand_in: StandInStripe, client: stripe.StripeClient) -> None:
        stand_in.api.whims.append(Whim(fault, "POST /v1/customers"))
        with pytest.raises(error):
            await client.v1.customers.create_async({}, {"idempotency_key": "key"})
        assert len(stand_in.account.records.tables["cus"]) == (fault is Fault.LOST)
        await client.v1.customers.create_async({}, {"idempotency_key": "other"})

    await with_stand_in(use)


async def test_a_wrong_key_or_object_is_stripes_error() -> None:
    """401 without the key, 404 with a code for what is not there."""

    async def refused(stand_in: StandInStripe, client: stripe.StripeClient) -> None:
        with pytest.raises(stripe.AuthenticationError):
            await client.v1.refunds.list_async()

    async def lost(stand_in: StandInStripe, client: stripe.StripeClient) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await client.v1.checkout.sessions.retrieve_async("cs_test_unknown")
        assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
        assert caught.value.request_id

    await with_stand_in(refused, key="sk_test_wrong")
    await with_stand_in(lost)


async def test_the_sdk_accepts_a_signed_event() -> None:
    """Signature, version and shape of a delivery are what `construct_event` asks for."""

    async def use(stand_in: StandInStripe, client: stripe.StripeClient) -> None:
        session = await session_of(client)
        stand_in.account.checkout.pay(session.id)
        event = stand_in.account.events[-1]
        signed = sign(event, "whsec", stand_in.account.records.now())
        parsed = client.construct_event(signed.body, signed.header, "whsec")
        assert (parsed.type, parsed.api_version) == ("checkout.session.completed", VERSION)
        listed = await client.v1.events.list_async({"types": ["checkout.session.completed"]})
        assert [one.id for one in listed.data] == [event["id"]]
        assert json.loads(signed.body) == event
        with pytest.raises(stripe.SignatureVerificationError):
            client.construct_event(signed.body, signed.header, "another")

    await with_stand_in(use)
