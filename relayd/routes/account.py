"""GET /account/*: who one is, and what one has used."""

from typing import Any

from quart import Blueprint

from relayd.routes.credits import remaining
from relayd.routes.protection import authenticated, unauthenticated
from relayd.routes.wiring import wiring
from relayd.session.ports import Principal

__all__ = ["blueprint"]

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("/me")
@authenticated
async def me(principal: Principal) -> dict[str, Any]:
    """The account and its credit."""
    services = wiring().services
    user = await services.accounts.me(principal)
    if user is None:
        raise unauthenticated()
    has = await services.wallet.balance(principal.user_id)
    return {
        "email": user.email,
        "credits": remaining(has.balance_ms),
        "created_at": user.created_at.isoformat(),
    }
