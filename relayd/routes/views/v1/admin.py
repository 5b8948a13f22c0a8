"""/api/v1/admin: what is everybody's, for the operator's programs."""

from typing import Annotated

from msgspec import Meta
from quart import Blueprint

from relayd.durations import seconds
from relayd.identity import Principal, Scope
from relayd.routes.toolkit.description import Answer, Topic, described
from relayd.routes.toolkit.forms import Form, told
from relayd.routes.toolkit.protection import authorised
from relayd.routes.views.v1.recordings import BATCH_OFF, open_batch

__all__ = ["blueprint"]

blueprint = Blueprint("v1_admin", __name__, url_prefix="/api/v1/admin")


class WholeQueue(Form):
    """All recordings that wait or run, and who works on them."""

    waiting_seconds: Annotated[
        float, Meta(ge=0), told("Audio that waits: scale workers by it.", 5400.5)
    ]
    oldest_seconds: Annotated[float, Meta(ge=0), told("Since the oldest of it waits.", 12.5)]
    queued: Annotated[int, Meta(ge=0), told("Recordings that wait.", 90)]
    delayed: Annotated[int, Meta(ge=0), told("Those that wait for another attempt.", 1)]
    running: Annotated[int, Meta(ge=0), told("Those that are under way.", 4)]
    users_waiting: Annotated[int, Meta(ge=0), told("Users whose recordings wait.", 7)]
    workers: Annotated[int, Meta(ge=0), told("Workers that live.", 2)]
    slots: Annotated[int, Meta(ge=0), told("Recordings that they take at once.", 4)]


@blueprint.get("/queue-stats")
@authorised(Scope.ADMIN)
@described(
    Topic.RECORDINGS,
    gives={200: Answer("In numbers.", WholeQueue)},
    refuses=(BATCH_OFF,),
    more="For a key of the operator's. `waiting_seconds` is the figure to start and stop workers "
    "by; what waits of accounts whose credit is frozen is in it.",
)
async def queue_stats(principal: Principal) -> WholeQueue:
    """The whole queue, in numbers."""
    found = await open_batch().transcriptions.queue_stats()
    return WholeQueue(
        waiting_seconds=seconds(found.queued_ms),
        oldest_seconds=round(found.oldest_seconds, 3),
        queued=found.queued,
        delayed=found.delayed,
        running=found.running,
        users_waiting=found.users_waiting,
        workers=found.workers,
        slots=found.slots,
    )
