"""POST /webhooks/stripe: Stripe's messages, kept and answered at once."""

from typing import Final

from quart import Blueprint, request

from relayd.payments.signature import Rejected
from relayd.routes.billing import SALES_OFF
from relayd.routes.bodies import read_bytes
from relayd.routes.body_limits import WEBHOOK_PATH
from relayd.routes.description import Answer, Body, Topic, described
from relayd.routes.problems import BODY_TIMEOUT, BODY_TOO_LARGE, UNAVAILABLE, Refusal
from relayd.routes.protection import exempt
from relayd.routes.shapes import Shape, text, truth
from relayd.routes.wiring import wiring

__all__ = ["blueprint"]

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
EVENT: Final = Shape(
    "StripeEvent",
    "An event as Stripe sends it; only its kind and the id of its object are read.",
    {
        "id": text("Its id.", "evt_1Pgc76B7WZ01zgkWwyRHS12y"),
        "object": text("What it is.", "event"),
        "type": text("What happened.", "checkout.session.completed"),
    },
)
RECEIVED: Final = Shape(
    "Received", "The event is kept.", {"received": truth("It will be worked on.")}
)

blueprint = Blueprint("webhooks", __name__)


@blueprint.post(WEBHOOK_PATH)
@exempt("every body is signed, and an unsigned one costs one hash")
@described(
    Topic.BILLING,
    gives={200: Answer("It is kept.", RECEIVED)},
    takes=Body(EVENT, parsed=False),
    refuses=[*_REFUSALS.values(), BODY_TIMEOUT, BODY_TOO_LARGE, SALES_OFF, UNAVAILABLE],
    more="For Stripe alone: the header Stripe-Signature signs the body.",
)
async def stripe_webhook() -> dict[str, bool]:
    """Take an event of Stripe's."""
    shop = wiring().services.shop
    if shop is None:
        raise SALES_OFF.problem()
    signatures = request.headers.getlist("Stripe-Signature")
    outcome = await shop.webhook(
        await read_bytes(), signatures[0] if len(signatures) == 1 else None
    )
    if isinstance(outcome, Rejected):
        raise _REFUSALS[outcome.code].problem(outcome.message)
    return {"received": True}
