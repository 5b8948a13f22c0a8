"""GET /operator/overview: figures for the page of an operator."""

import datetime as dt
from typing import Annotated, Any, Final, Self

import msgspec
from quart import Blueprint, Response, request

from relayd.durations import seconds
from relayd.identity import Principal
from relayd.overview.overview import Overview
from relayd.overview.present import Present
from relayd.routes.toolkit.description import undescribed
from relayd.routes.toolkit.forms import Form, encode, told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.protection import authenticated
from relayd.routes.toolkit.wiring import wiring

__all__ = ["blueprint", "report"]

NO_OPERATOR: Final = Refusal(
    403,
    "no_operator",
    "This account is not an operator's. `relayd user operator` makes it one.",
)

_DAYS: Final = 30
_DAYS_MOST: Final = 366


class Taken(Form):
    """Money of one day in one currency: `relayd.overview.takings`."""

    day: dt.date
    currency: str
    purchases: int
    paid_cents: int
    taken_back_cents: int
    sold_seconds: int


class EngineDayReport(Form):
    """What one engine did on one day with one model at one price."""

    day: str
    kind: str
    engine: str
    model: str
    rate: int
    ended: int
    failed: int
    audio_seconds: float
    charged_seconds: float
    engine_cents: float


class Pause(Form):
    """An engine that is left alone; "live" stands before the name of one for streams."""

    engine: str
    until: str
    reason: str
    off: bool


class Now(Form):
    """How things stand."""

    live_streams: int
    recordings_waiting: int
    recordings_running: int
    waiting_audio_seconds: float
    oldest_waiting_seconds: float
    users: int
    users_new: int
    unused_seconds: float
    engines_alone: list[Pause]
    failures: dict[str, int]

    @classmethod
    def of(cls, now: Present) -> Self:
        """As the database has it."""
        queue = now.queue
        return cls(
            live_streams=now.live_streams,
            recordings_waiting=queue.queued,
            recordings_running=queue.running,
            waiting_audio_seconds=seconds(queue.queued_ms),
            oldest_waiting_seconds=round(queue.oldest_seconds, 3),
            users=now.users,
            users_new=now.users_new,
            unused_seconds=seconds(now.credit_ms),
            engines_alone=[
                Pause(engine, one.until.isoformat(), one.reason, one.off)
                for engine, one in now.engines_alone.items()
            ],
            failures=dict(now.failures),
        )


class OverviewReport(Form):
    """Money in, minutes out, what stays, and how things stand."""

    since: str
    currency: Annotated[str, told("Of all cents but those of `takings`.", "usd")]
    kept_cents: int
    fee_cents: int
    engine_cents: int
    margin_cents: int
    takings: list[Taken]
    engines: list[EngineDayReport]
    present: Now


blueprint = Blueprint("operator", __name__, url_prefix="/operator")


@blueprint.get("/overview")
@authenticated
@undescribed("the operator's page, which it changes with; programs have `relayd overview --json`")
async def overview(principal: Principal) -> Response:
    """So many days (``?days=``, 30 where that is no number) and the present."""
    services = wiring().services
    if services.glance is None or not await services.accounts.operators.is_operator(
        principal.user_id
    ):
        raise NO_OPERATOR.problem()
    asked: Any = request.args.get("days", _DAYS, type=int)
    seen = await services.glance.look(min(max(asked, 1), _DAYS_MOST))
    return Response(encode(report(seen)), content_type="application/json")


def report(seen: Overview) -> OverviewReport:
    """An overview as JSON has it."""
    return OverviewReport(
        since=str(seen.since),
        currency=seen.currency,
        kept_cents=seen.kept_cents,
        fee_cents=round(seen.fees),
        engine_cents=round(seen.engine_cents),
        margin_cents=round(seen.margin_cents),
        takings=msgspec.convert(seen.takings, list[Taken], from_attributes=True),
        engines=[
            EngineDayReport(
                day=str(one.day),
                kind=one.kind,
                engine=one.engine,
                model=one.model,
                rate=one.rate,
                ended=one.ended,
                failed=one.failed,
                audio_seconds=seconds(one.audio_ms),
                charged_seconds=seconds(one.charged_ms),
                engine_cents=float(round(cost, 2)),
            )
            for one, cost in zip(seen.days, seen.costs, strict=True)
        ],
        present=Now.of(seen.present),
    )
