"""GET /api/v1/transcriptions/:id/events: how far a recording is, as server-sent events.

    event: status        at once, and whenever something changed
    data: the same as GET /api/v1/status/:id

    : …                  every fifteen seconds, so that a dead connection shows

    event: end           after the last status; nothing follows
    data: {}

A stream ends by itself within a minute and its reader opens the next one, as with those of credit.
It looks rather than listens: an estimate changes with every job of others, and no more often than
it looks need anybody hear of it.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Annotated, Final, Literal, Self

import attrs
import trio
from quart import Blueprint, Response
from quart.wrappers.response import ResponseBody

from relayd.errors import DatabaseUnavailable
from relayd.identity import Principal, Scope
from relayd.quotas.limits import Cap, Quotas
from relayd.routes.toolkit.description import Answer, Topic, described
from relayd.routes.toolkit.event_stream import (
    HEARTBEAT,
    HEARTBEAT_SECONDS,
    LASTING_SECONDS,
    answer,
    event,
)
from relayd.routes.toolkit.forms import Form, encode, told
from relayd.routes.toolkit.protection import authorised
from relayd.routes.toolkit.wiring import Recordings, wiring
from relayd.routes.views.accounts.events import TOO_MANY_STREAMS
from relayd.routes.views.v1.recordings.recordings import (
    BATCH_OFF,
    DELETED,
    UNKNOWN_TRANSCRIPTION,
    Recording,
    TranscriptionId,
    open_batch,
    standing_of,
)
from relayd.transcriptions.outcomes import Standing

__all__ = ["ProgressStream", "blueprint"]

blueprint = Blueprint("v1_progress", __name__, url_prefix="/api/v1")

# Between two looks; 500 streams are as many looks a second.
LOOK_SECONDS: Final = 1.0
END: Final = event("end")

_AGAIN_SECONDS: Final = 10
_PER_USER_MAX: Final = 16
_IN_ALL_MAX: Final = 500


class ProgressEvent(Form):
    """A server-sent event; its lines as fields: the reading that OpenAPI's tools have of it."""

    event: Annotated[Literal["status", "end"], told("Which.", "status")]
    data: Annotated[
        str,
        told("JSON, as of GET /api/v1/status.", '{"status":"processing","progress_percent":40}'),
    ]


@blueprint.get("/transcriptions/<transcription_id>/events")
@authorised(Scope.READ)
@described(
    Topic.RECORDINGS,
    path={"transcription_id": TranscriptionId},
    gives={200: Answer("Server-sent events.", ProgressEvent, content_type="text/event-stream")},
    refuses=(UNKNOWN_TRANSCRIPTION, DELETED, TOO_MANY_STREAMS, BATCH_OFF),
    more="`status` at once and whenever it changes, `end` after the last one. It ends within a "
    "minute: open the next one then, unless `end` came.",
)
async def events(principal: Principal, transcription_id: str) -> Response:
    """A recording's status as it changes, in server-sent events."""
    batch = open_batch()
    standing = await standing_of(batch, principal, transcription_id)
    stream = ProgressStream(batch.transcriptions, wiring().services.quotas, standing)
    if await stream.quotas.enter(stream.places) is not None:
        raise TOO_MANY_STREAMS.problem(retry_after_seconds=_AGAIN_SECONDS)
    stream.quotas.leave(stream.places)
    return answer(stream)


@attrs.define(eq=False)
class ProgressStream(ResponseBody):
    """The body of one response. Nothing is queued: a slow reader gets the newest state."""

    transcriptions: Recordings
    quotas: Quotas
    # How it stood when it was last looked at.
    standing: Standing
    _told: bytes = b""
    _told_at: float = 0.0
    _until: float = 0.0
    _over: bool = False
    _entered: bool = False

    @property
    def places(self) -> Sequence[Cap]:
        """What one stream takes."""
        user_id = self.standing.transcription.user_id
        return (Cap(f"progress {user_id}", _PER_USER_MAX), Cap("progress", _IN_ALL_MAX))

    async def __aenter__(self) -> Self:
        self._until = trio.current_time() + LASTING_SECONDS
        self._entered = await self.quotas.enter(self.places) is None
        # Somebody took the last place since the view looked.
        self._over = not self._entered
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._entered:
            self.quotas.leave(self.places)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next piece, waited for."""
        while not self._over:
            piece = self._piece()
            if piece is not None:
                return piece
            if trio.current_time() >= self._until:
                break
            await trio.sleep(LOOK_SECONDS)
            await self._look()
        raise StopAsyncIteration

    def _piece(self) -> bytes | None:
        """What there is to say now."""
        now = trio.current_time()
        one = self.standing.transcription
        if one.shown is None or (one.ended_at is not None and self._told == self._said()):
            self._over = True
            return END
        if self._told != self._said():
            self._told, self._told_at = self._said(), now
            return event("status", self._told)
        if now >= self._told_at + HEARTBEAT_SECONDS:
            self._told_at = now
            return HEARTBEAT
        return None

    def _said(self) -> bytes:
        return encode(Recording.of(self.standing))

    async def _look(self) -> None:
        one = self.standing.transcription
        try:
            found = await self.transcriptions.look(one.user_id, one.id, test=one.test)
        except DatabaseUnavailable:
            # Its reader comes again and is told then.
            found = None
        if found is None:
            self._over = True
        else:
            self.standing = found
