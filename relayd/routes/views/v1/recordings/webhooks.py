"""/api/v1/webhooks: whom to tell that recordings have ended, and what was told."""

from collections.abc import Sequence
from typing import Annotated, Final, Self
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType
from quart import Blueprint

from relayd.hooks.rows import ENDPOINTS_MAX, Delivery, Endpoint
from relayd.identity import Principal, Scope
from relayd.routes.toolkit.bodies import INVALID_FIELD, read_form
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.forms import Form, Time, told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.protection import authorised
from relayd.routes.toolkit.wiring import Batch
from relayd.routes.views.v1.numbers import NUMBER_MAX, number_asked
from relayd.routes.views.v1.recordings.asking import INVALID_URL, checked_url
from relayd.routes.views.v1.recordings.recordings import (
    BATCH_OFF,
    identity,
    open_batch,
)

__all__ = ["TOO_MANY_WEBHOOKS", "blueprint", "endpoint_of"]

blueprint = Blueprint("v1_webhooks", __name__, url_prefix="/api/v1/webhooks")

TOO_MANY_WEBHOOKS: Final = Refusal(
    409, "too_many_webhooks", f"{ENDPOINTS_MAX} webhooks are all one may have: remove some."
)
UNKNOWN_WEBHOOK: Final = Refusal(404, "unknown_webhook", "You have no such webhook.")
UNKNOWN_DELIVERY: Final = Refusal(
    404, "unknown_delivery", "You have no such delivery, or nobody is there any more."
)

_ENDPOINT: Final = "7d1c6f0a-6a3c-4a25-9a49-0a4f6a1f1c11"
_DELIVERY: Final = "0b0a1b7e-3c6b-4a0f-8f59-2f6c4f1d7e22"
WebhookId = Annotated[str, told("As it was told when it was added.", _ENDPOINT)]
DeliveryId = Annotated[str, told("As the list has it; also the header Webhook-Id.", _DELIVERY)]


class NewWebhook(Form):
    """Whom to tell."""

    url: Annotated[
        str, told("An address of the web, told by POST.", "https://example.com/hook", format="uri")
    ]
    every: (
        Annotated[bool, told("Of every recording; else of those that name it.", sample=True)]
        | UnsetType
    ) = UNSET


class Webhook(Form):
    """An endpoint."""

    id: Annotated[UUID, told("Its id.", _ENDPOINT)]
    url: Annotated[str, told("Its address.", "https://example.com/hook")]
    secret: Annotated[
        str,
        told("What signs for it (Standard Webhooks).", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ]
    every: Annotated[bool, told("Whether it is told of every recording.", sample=True)]
    disabled_reason: Annotated[
        str | None, told("Why nothing is sent there any more.", "it answered 410 Gone")
    ]
    created_at: Time

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """As its owner sees it."""
        return cls(
            id=endpoint.id,
            url=endpoint.url,
            secret=endpoint.secret,
            every=endpoint.every,
            disabled_reason=endpoint.disabled_reason,
            created_at=endpoint.created_at.isoformat(),
        )


class Removed(Form):
    """It is gone."""

    removed: Annotated[bool, told("Always true.", sample=True, const=True)]


class Sending(Form):
    """A message, and what became of it."""

    id: Annotated[UUID, told("Its id, the header Webhook-Id.", _DELIVERY)]
    transcription_id: Annotated[
        UUID, told("Of which recording.", "5f0c1c52-5b0e-4d0c-9d51-6f1d7c1c9a10")
    ]
    event: Annotated[str, told("What happened.", "transcription.completed")]
    attempts: Annotated[int, Meta(ge=0), told("How often it was sent.", 1)]
    status: Annotated[int | None, told("What the last attempt was answered.", 200)]
    problem: Annotated[str | None, told("Why there was no answer.", "it can't be reached")]
    created_at: Time
    delivered_at: Time | None
    # Null: not any more.
    next_at: Time | None

    @classmethod
    def of(cls, one: Delivery) -> Self:
        """As its owner sees it."""
        return cls(
            id=one.id,
            transcription_id=one.transcription_id,
            event=one.event,
            attempts=one.attempts,
            status=one.status,
            problem=one.problem,
            created_at=one.created_at.isoformat(),
            delivered_at=None if one.delivered_at is None else one.delivered_at.isoformat(),
            next_at=None if one.due_at is None else one.due_at.isoformat(),
        )


class SendingPage(Form):
    """Some messages, newest first."""

    deliveries: list[Sending]
    next_before: Annotated[int | None, told("For `before`, where there are older ones.", 41)]


@blueprint.post("")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    takes=Body(NewWebhook),
    gives={200: Answer("It is told from now on.", Webhook)},
    refuses=(INVALID_URL, TOO_MANY_WEBHOOKS, BATCH_OFF),
    more="The same address again is the same webhook; one that was disabled is told again.",
)
async def add(principal: Principal) -> Webhook:
    """Have an address told when recordings end."""
    asked = await read_form(NewWebhook)
    endpoint = await endpoint_of(
        open_batch(), principal, checked_url(asked.url), every=asked.every is True
    )
    return Webhook.of(endpoint)


@blueprint.get("")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    gives={200: Answer("All of them, newest first.", list[Webhook])},
    refuses=(BATCH_OFF,),
)
async def webhooks(principal: Principal) -> Sequence[Webhook]:
    """One's webhooks."""
    found = await open_batch().webhooks.endpoints(principal.user_id)
    return [Webhook.of(one) for one in found]


@blueprint.delete("/<webhook_id>")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    path={"webhook_id": WebhookId},
    gives={200: Answer("Nothing is sent there any more.", Removed)},
    refuses=(UNKNOWN_WEBHOOK, BATCH_OFF),
)
async def remove(principal: Principal, webhook_id: str) -> Removed:
    """Remove a webhook, and what was to be sent there."""
    batch = open_batch()
    if not await batch.webhooks.remove(principal.user_id, identity(webhook_id, UNKNOWN_WEBHOOK)):
        raise UNKNOWN_WEBHOOK.problem()
    return Removed(removed=True)


@blueprint.get("/<webhook_id>/deliveries")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    path={"webhook_id": WebhookId},
    query={"before": Annotated[int, told("From `next_before` of the page before.", 41)]},
    gives={200: Answer("A page of them.", SendingPage)},
    refuses=(INVALID_FIELD, UNKNOWN_WEBHOOK, BATCH_OFF),
    more="Of a webhook that has been told nothing yet, the page is empty.",
)
async def deliveries(principal: Principal, webhook_id: str) -> SendingPage:
    """What was and will be sent to a webhook, newest first."""
    batch = open_batch()
    endpoint_id = identity(webhook_id, UNKNOWN_WEBHOOK)
    before = number_asked("before", None, NUMBER_MAX)
    found = await batch.webhooks.deliveries(principal.user_id, endpoint_id, before)
    if not found:
        own = await batch.webhooks.endpoints(principal.user_id)
        if endpoint_id not in {one.id for one in own}:
            raise UNKNOWN_WEBHOOK.problem()
    return SendingPage(
        deliveries=[Sending.of(one) for one in found],
        next_before=found[-1].number if found else None,
    )


@blueprint.post("/deliveries/<delivery_id>/again")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    path={"delivery_id": DeliveryId},
    gives={200: Answer("It is sent in a moment.", Sending)},
    refuses=(UNKNOWN_DELIVERY, BATCH_OFF),
)
async def again(principal: Principal, delivery_id: str) -> Sending:
    """Send a message once more."""
    batch = open_batch()
    asked = identity(delivery_id, UNKNOWN_DELIVERY)
    found = await batch.webhooks.send_again(principal.user_id, asked)
    if found is None:
        raise UNKNOWN_DELIVERY.problem()
    return Sending.of(found)


async def endpoint_of(batch: Batch, principal: Principal, url: str, *, every: bool) -> Endpoint:
    """One's endpoint at this address, made where there is none."""
    found = await batch.webhooks.add(principal.user_id, url, every=every)
    if found is None:
        raise TOO_MANY_WEBHOOKS.problem()
    return found
