"""GET /health for load balancers and monitors, /health/live for a process supervisor."""

from quart import Blueprint

from relayd.routes.description import Answer, Topic, described
from relayd.routes.protection import exempt
from relayd.routes.shapes import Shape, one_of
from relayd.routes.wiring import wiring

__all__ = ["blueprint"]

blueprint = Blueprint("health", __name__, url_prefix="/health")


def _health(status: str, database: str) -> Shape:
    fields = {"status": one_of("In one word.", status), "db": one_of("The database.", database)}
    return Shape(f"Health{status.title()}", f"The service is {status}.", fields)


@blueprint.get("")
@exempt("monitors have no account; the probe behind it is coalesced")
@described(
    Topic.SERVICE,
    gives={
        200: Answer("They can.", _health("ok", "connected")),
        503: Answer("They can't.", _health("degraded", "unreachable")),
    },
)
async def health() -> tuple[dict[str, str], int]:
    """Whether requests that need the database can be served."""
    if await wiring().probe.connected():
        return {"status": "ok", "db": "connected"}, 200
    return {"status": "degraded", "db": "unreachable"}, 503


@blueprint.get("/live")
@exempt("touches nothing; a database outage is no reason to restart the daemon")
@described(
    Topic.SERVICE,
    gives={200: Answer("It turns.", Shape("Live", "Alive.", {"status": one_of("Always.", "ok")}))},
)
async def live() -> dict[str, str]:
    """Whether the event loop turns."""
    return {"status": "ok"}
