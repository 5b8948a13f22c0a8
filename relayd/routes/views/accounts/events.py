"""GET /account/events: a user's credit, live, for as long as a page shows it."""

from typing import Annotated, Final, Literal

from quart import Response

from relayd.identity import Principal
from relayd.routes.toolkit.description import Answer, Topic, described
from relayd.routes.toolkit.event_stream import answer
from relayd.routes.toolkit.forms import Form, told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.protection import authenticated
from relayd.routes.toolkit.wiring import requester_address, wiring
from relayd.routes.views.accounts.account import blueprint
from relayd.routes.views.accounts.credit_stream import CreditStream

__all__ = ["blueprint"]

_AGAIN_SECONDS: Final = 10
# A daemon that drains is soon replaced, and where there are several another one answers at once.
_ELSEWHERE_SECONDS: Final = 1

TOO_MANY_STREAMS: Final = Refusal(
    429,
    "too_many_streams",
    "Too many streams of events of this account are open. Ask now and then instead.",
    retries=True,
)

DRAINING: Final = Refusal(
    503, "server_draining", "The server restarts. Try again in a moment.", retries=True
)


class ServerSentEvent(Form):
    """A server-sent event; its lines as fields: the reading that OpenAPI's tools have of it."""

    event: Annotated[Literal["credit", "ended"], told("Which.", "credit")]
    data: Annotated[
        str,
        told(
            "JSON.",
            '{"seconds_remaining":90.5,"minutes_remaining":1.5,"live":true,"sessions":1,'
            '"frozen":false}',
        ),
    ]


@blueprint.get("/events")
@authenticated
@described(
    Topic.ACCOUNT,
    gives={
        200: Answer(
            "Server-sent events.",
            ServerSentEvent,
            content_type="text/event-stream",
        )
    },
    refuses=(TOO_MANY_STREAMS, DRAINING),
    more="`credit` at once and whenever it changes, with `seconds_remaining`, `minutes_remaining`, "
    "`live`, `sessions` and `frozen`; `ended` when the sign-in is over. It ends within a minute: "
    "open the next one then.",
)
async def events(principal: Principal) -> Response:
    """The credit as it changes, in server-sent events.

    Read with fetch, so that no token stands in a URL. See `CreditStream`.
    """
    live = wiring().services.live_credit
    if live is not None and live.hub.closed:
        raise DRAINING.problem(retry_after_seconds=_ELSEWHERE_SECONDS)
    address = requester_address()
    if live is None or not await live.has_room(principal.user_id, address):
        raise TOO_MANY_STREAMS.problem(retry_after_seconds=_AGAIN_SECONDS)
    return answer(CreditStream(live, principal, address))
