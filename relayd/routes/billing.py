"""GET /billing/*: what is left to spend."""

from quart import Blueprint

from relayd.routes.credits import CREDIT, remaining
from relayd.routes.description import Answer, Topic, described
from relayd.routes.protection import authenticated, unauthenticated
from relayd.routes.wiring import wiring
from relayd.session.ports import Principal

__all__ = ["blueprint"]

blueprint = Blueprint("billing", __name__, url_prefix="/billing")


@blueprint.get("/balance")
@authenticated
@described(Topic.BILLING, gives={200: Answer("The credit.", CREDIT)})
async def balance(principal: Principal) -> dict[str, float]:
    """The user's credit, that which live sessions have set aside included."""
    has = await wiring().services.wallet.balance(principal.user_id)
    if has is None:
        raise unauthenticated()
    return remaining(has.balance_ms)
