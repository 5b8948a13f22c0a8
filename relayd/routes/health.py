"""GET /health for load balancers and monitors, /health/live for a process supervisor."""

from quart import Blueprint

from relayd.routes.protection import exempt
from relayd.routes.wiring import wiring

__all__ = ["blueprint"]

blueprint = Blueprint("health", __name__, url_prefix="/health")


@blueprint.get("")
@exempt("monitors have no account; the probe behind it is coalesced")
async def health() -> tuple[dict[str, str], int]:
    """Whether requests that need the database can be served."""
    if await wiring().probe.connected():
        return {"status": "ok", "db": "connected"}, 200
    return {"status": "degraded", "db": "unreachable"}, 503


@blueprint.get("/live")
@exempt("touches nothing; a database outage is no reason to restart the daemon")
async def live() -> dict[str, str]:
    """Whether the event loop turns."""
    return {"status": "ok"}
