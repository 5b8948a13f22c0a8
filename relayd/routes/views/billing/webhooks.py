"""POST /webhooks/stripe: Stripe's messages, kept and answered at once.

Anybody can send a body here. So its signature's form is judged before any of it is read, and few
bodies are in memory at a time.
"""

from typing import Annotated, Final

import trio
from quart import Blueprint, request

from relayd.edge.body import BodyPolicy
from relayd.payments.fulfilment.signature import Rejected, judge_header
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.forms import Form, told
from relayd.routes.toolkit.problems import BODY_TIMEOUT, BODY_TOO_LARGE, UNAVAILABLE, Refusal
from relayd.routes.toolkit.protection import exempt
from relayd.routes.toolkit.streamed import gather
from relayd.routes.toolkit.wiring import Sales, wiring
from relayd.routes.views.billing.sales import SALES_OFF, open_shop

__all__ = ["blueprint"]

# A dispute's evidence is 150,000 characters at most, in JSON and in up to four bytes each.
_POLICY: Final = BodyPolicy(bytes_max=1024 * 1024, seconds=10, streamed=True, at_once=16)
# For somebody else's body; Stripe tries again for days.
_TURN_SECONDS: Final = 10
_RETRY_SECONDS: Final = 10

BAD_SIGNATURE: Final = Refusal(
    400, "bad_signature", "The signature is missing, does not fit or is too old or too new."
)
MALFORMED_EVENT: Final = Refusal(400, "malformed_event", "The body is not an event of Stripe's.")
WRONG_API_VERSION: Final = Refusal(
    400, "wrong_api_version", "The webhook endpoint has another API version than this server."
)
WRONG_MODE: Final = Refusal(
    400, "wrong_mode", "The event is of test mode and the server's key of live mode, or vice versa."
)
_REFUSALS: Final = {
    refusal.code: refusal
    for refusal in (BAD_SIGNATURE, MALFORMED_EVENT, WRONG_API_VERSION, WRONG_MODE)
}


class StripeEvent(Form):
    """An event as Stripe sends it; only its kind and the id of its object are read."""

    id: Annotated[str, told("Its id.", "evt_1Pgc76B7WZ01zgkWwyRHS12y")]
    object: Annotated[str, told("What it is.", "event")]
    type: Annotated[str, told("What happened.", "checkout.session.completed")]


class MessageReceived(Form):
    """The event is kept."""

    received: Annotated[bool, told("It will be worked on.", sample=True, const=True)]


blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/webhooks/stripe")
@exempt("every body is signed, and an unsigned one costs one hash")
@described(
    Topic.BILLING,
    gives={200: Answer("It is kept.", MessageReceived)},
    takes=Body(StripeEvent, parsed=False, policy=_POLICY),
    refuses=[*_REFUSALS.values(), BODY_TIMEOUT, BODY_TOO_LARGE, SALES_OFF, UNAVAILABLE],
    more="For Stripe alone: the header Stripe-Signature signs the body.",
)
async def stripe_webhook() -> MessageReceived:
    """Take an event of Stripe's."""
    shop = open_shop()
    signatures = request.headers.getlist("Stripe-Signature")
    signature = signatures[0] if len(signatures) == 1 else None
    outcome: object = judge_header(signature)
    if outcome is None:
        outcome = await _read_in_turn(shop, signature)
    if isinstance(outcome, Rejected):
        raise _REFUSALS[outcome.code].problem(outcome.message)
    return MessageReceived(received=True)


async def _read_in_turn(shop: Sales, signature: str | None) -> object:
    reading = wiring().webhook_bodies
    try:
        with trio.fail_after(_TURN_SECONDS):
            await reading.acquire()
    except trio.TooSlowError:
        raise UNAVAILABLE.problem(retry_after_seconds=_RETRY_SECONDS) from None
    try:
        return await shop.webhook(await gather(_POLICY.seconds), signature)
    finally:
        reading.release()
