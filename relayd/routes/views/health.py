"""GET /health for load balancers and monitors, /health/live for a process supervisor."""

from typing import Annotated, Literal

from quart import Blueprint, Response

from relayd.routes.toolkit.description import Answer, Topic, answered, described
from relayd.routes.toolkit.forms import Form, told
from relayd.routes.toolkit.protection import exempt
from relayd.routes.toolkit.wiring import wiring

__all__ = ["blueprint"]

blueprint = Blueprint("health", __name__, url_prefix="/health")


class HealthOk(Form):
    """The service is ok."""

    status: Annotated[Literal["ok"], told("In one word.", "ok")]
    db: Annotated[Literal["connected"], told("The database.", "connected")]


class HealthDegraded(Form):
    """The service is degraded."""

    status: Annotated[Literal["degraded"], told("In one word.", "degraded")]
    db: Annotated[Literal["unreachable"], told("The database.", "unreachable")]


class Live(Form):
    """Alive."""

    status: Annotated[Literal["ok"], told("Always.", "ok")]


@blueprint.get("")
@exempt("monitors have no account; the probe behind it is coalesced")
@described(
    Topic.SERVICE,
    gives={
        200: Answer("They can.", HealthOk),
        503: Answer("They can't.", HealthDegraded),
    },
)
async def health() -> HealthOk | Response:
    """Whether requests that need the database can be served."""
    if await wiring().probe.connected():
        return HealthOk(status="ok", db="connected")
    return answered(HealthDegraded(status="degraded", db="unreachable"), 503)


@blueprint.get("/live")
@exempt("touches nothing; a database outage is no reason to restart the daemon")
@described(Topic.SERVICE, gives={200: Answer("It turns.", Live)})
async def live() -> Live:
    """Whether the event loop turns."""
    return Live(status="ok")
