"""How each refusal of /api/v1 comes about: scenarios for `tests.routes.refusing`."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, cast
from uuid import UUID

import attrs
from quart import Response

from relayd.errors import MediaFailed, Unreadable
from relayd.identity import Scope
from relayd.plans.plans import PlanName
from relayd.quotas.limits import Cap
from relayd.storage.spool import Spool
from relayd.transcriptions.outcomes import Declined, DeclinedReason, State
from tests.fakes.plans import MemoryPlans
from tests.fakes.transcriptions import NOW
from tests.routes.recording import SOUND, TYPE, Studio, open_studio
from tests.routes.refusing_uploads import UPLOADING
from tests.routes.world import World, services_of

__all__ = ["RECORDING"]


class Call(Protocol):
    """`tests.routes.refusing.Call`, which imports this."""

    method: str
    path: str
    address: str

    async def ask(self, world: World, *, token: str | None = None) -> Response:
        """Call it with the examples of its parameters."""


Scenario = Callable[[Call], Awaitable[Response]]


def handing_in(change: Callable[[Studio], object], **fields: str) -> Scenario:
    """Somebody hands a file in, in a studio in which something is wrong."""

    async def scenario(call: Call) -> Response:
        with open_studio() as studio:
            await studio.sign_in()
            change(studio)
            return await studio.send(SOUND, key=None, **fields)

    return scenario


def not_queued(reason: DeclinedReason) -> Scenario:
    """The queue doesn't take it."""
    return handing_in(lambda studio: setattr(studio.recordings, "refusal", Declined(reason)))


def unreadable(code: str) -> Scenario:
    """The file is no recording."""
    fault = Unreadable(code, "So and so.")
    return handing_in(lambda studio: setattr(studio.ruler, "fault", fault))


def about(**changes: Any) -> Scenario:
    """Somebody asks about their recording, which stands like this."""

    async def scenario(call: Call) -> Response:
        with open_studio() as studio:
            await studio.sign_in()
            taken = await studio.taken()
            recordings = studio.recordings
            row = recordings.rows.pop(UUID(taken["id"]))
            path = call.address.partition("?")[0]
            (shown,) = [part for part in path.split("/") if part.count("-") == 4]
            recordings.rows[UUID(shown)] = attrs.evolve(row, id=UUID(shown), **changes)
            return await call.ask(studio.world, token=studio.token)

    return scenario


async def nobodys(call: Call) -> Response:
    """One that isn't there."""
    with open_studio() as studio:
        await studio.sign_in()
        return await call.ask(studio.world, token=studio.token)


async def no_queue(call: Call) -> Response:
    """A server that takes no recordings."""
    world = World()
    token = (await world.register())["token"]
    return await call.ask(world, token=token)


async def asked_too_often(call: Call) -> Response:
    """The operator's program, more often than once a minute."""
    world = World(requests_per_user=1)
    key = await world.key((await world.register())["token"], Scope.ADMIN)
    await call.ask(world, token=key)
    return await call.ask(world, token=key)


async def no_whole_queue(call: Call) -> Response:
    """The operator asks a server that takes no recordings."""
    world = World()
    token = (await world.register())["token"]
    return await call.ask(world, token=await world.key(token, Scope.ADMIN))


async def unknown_format(call: Call) -> Response:
    """A format that there is not."""
    if call.method == "POST":
        return await handing_in(lambda _: None, format="pdf")(call)
    scenario = about()
    with_query: Call = attrs.evolve(cast("Any", call), path=f"{call.path}?format=pdf")
    return await scenario(with_query)


async def format_not_in_plan(call: Call) -> Response:
    """A format that the plan doesn't have."""
    with open_studio(World(plans=MemoryPlans(PlanName.FREE))) as studio:
        await studio.sign_in()
        taken = await studio.taken()
        await studio.finish(taken["id"])
        return await studio.ask(_words_of(call, taken["id"], "?format=srt"))


def _words_of(call: Call, identity: str, query: str = "") -> str:
    """Where its words are, or the links to them."""
    if call.path.endswith("/links"):
        return f"/transcriptions/{identity}/links"
    return f"/result/{identity}{query}"


async def unknown_status(call: Call) -> Response:
    """A filter that means nothing."""
    with open_studio() as studio:
        await studio.sign_in()
        return await studio.ask("/transcriptions?status=done")


async def strange_url(call: Call) -> Response:
    """A URL that is none."""
    with open_studio() as studio:
        await studio.sign_in()
        return await studio.ask("/transcribe", "POST", json={"url": "talk.mp3"})


async def strange_webhook(call: Call) -> Response:
    """A webhook's address that is none."""
    with open_studio() as studio:
        await studio.sign_in()
        return await studio.ask("/webhooks", "POST", json={"url": "hook"})


async def no_webhook(call: Call) -> Response:
    """A webhook that isn't one."""
    with open_studio() as studio:
        await studio.sign_in()
        return await studio.ask(
            "/webhooks/x" + ("" if call.method == "DELETE" else "/deliveries"), call.method
        )


async def too_many_webhooks(call: Call) -> Response:
    """One more than one may have."""
    with open_studio() as studio:
        await studio.sign_in()
        studio.hooks.most = 0
        if call.path.endswith("webhooks"):
            return await studio.ask("/webhooks", "POST", json={"url": "https://example.com/"})
        return await studio.send(SOUND, key=None, webhook_url="https://example.com/")


async def strange_page(call: Call) -> Response:
    """A page that is none."""
    with open_studio() as studio:
        await studio.sign_in()
        return await studio.ask(f"/webhooks/{UUID(int=1)}/deliveries?before=x")


async def strange_key(call: Call) -> Response:
    """An Idempotency-Key that is none."""
    with open_studio() as studio:
        await studio.sign_in()
        return await studio.send(key="a b")


async def taken_key(call: Call) -> Response:
    """An Idempotency-Key of another request."""
    with open_studio() as studio:
        await studio.sign_in()
        await studio.send(key="talk-7")
        return await studio.send(key="talk-7", prompt="another")


async def no_form(call: Call) -> Response:
    """A body that is no form, though it says so."""
    with open_studio() as studio:
        await studio.sign_in()
        headers = {"Content-Type": TYPE}
        return await studio.ask("/transcribe", "POST", data=b"sound", headers=headers)


async def too_large(call: Call) -> Response:
    """A file beyond its bound."""
    with open_studio() as studio:
        await studio.sign_in()
        return await studio.send(b"x" * 200_000)


def crowded(key: str, most: int) -> Scenario:
    """All places are taken."""

    async def scenario(call: Call) -> Response:
        with open_studio() as studio:
            await studio.sign_in()
            taken = await studio.taken()
            quotas = services_of(studio.world.app).quotas
            for _ in range(most):
                assert await quotas.enter((Cap(key, most),)) is None
            if call.method == "POST":
                return await studio.send()
            return await studio.ask(f"/transcriptions/{taken['id']}/events")

    return scenario


async def a_full_disk(call: Call) -> Response:
    """No room, by the spool's own judgement."""
    with open_studio() as studio:
        await studio.sign_in()
        batch = services_of(studio.world.app).batch
        assert batch is not None
        fuller = Spool(studio.directory / "spool", 1 << 60, batch.intake.spool.limiter)
        object.__setattr__(batch.intake, "spool", fuller)
        return await studio.send()


async def a_store_away(call: Call) -> Response:
    """A result that can't be read, or a recording that can't be kept."""
    if call.method == "POST":
        fault = MediaFailed("no process")
        return await handing_in(lambda studio: setattr(studio.ruler, "fault", fault))(call)
    with open_studio() as studio:
        await studio.sign_in()
        taken = await studio.taken()
        await studio.finish(taken["id"])
        studio.store.away = True
        return await studio.ask(_words_of(call, taken["id"]))


RECORDING: Final[dict[str, Callable[[Any], Awaitable[Response]]]] = {
    "batch_off": no_queue,
    "v1_admin_queue_stats batch_off": no_whole_queue,
    "v1_admin_queue_stats rate_limited": asked_too_often,
    "unknown_transcription": nobodys,
    "deleted": about(state=State.DELETED, ended_at=NOW, charged_ms=0),
    "not_ready": about(),
    "no_direct_downloads": about(),
    "no_result": about(state=State.CANCELLED, ended_at=NOW, charged_ms=0),
    "unknown_format": unknown_format,
    "v1_webhooks_add invalid_url": strange_webhook,
    "v1_webhooks_deliveries invalid_field": strange_page,
    "unknown_webhook": no_webhook,
    "unknown_delivery": nobodys,
    "too_many_webhooks": too_many_webhooks,
    "unknown_model": handing_in(lambda _: None, model="huge"),
    "invalid_url": strange_url,
    "invalid_idempotency_key": strange_key,
    "idempotency_key_taken": taken_key,
    "malformed_form": no_form,
    "file_too_large": too_large,
    "too_many_uploads": crowded("uploads", 64),
    "v1_progress_events too_many_streams": crowded("progress", 500),
    "storage_full": a_full_disk,
    "intake_unavailable": a_store_away,
    "v1_transcriptions_transcriptions invalid_field": unknown_status,
    "v1_transcribing_transcribe credit_frozen": not_queued(DeclinedReason.CREDIT_FROZEN),
    "insufficient_credits": not_queued(DeclinedReason.INSUFFICIENT_CREDITS),
    "model_not_in_plan": not_queued(DeclinedReason.MODEL_NOT_IN_PLAN),
    "format_not_in_plan": format_not_in_plan,
    "queue_full": not_queued(DeclinedReason.QUEUE_FULL),
    "too_long": not_queued(DeclinedReason.TOO_LONG),
    "upload_over": not_queued(DeclinedReason.UPLOAD_OVER),
    **UPLOADING,
    **{
        code: unreadable(code)
        for code in ("empty", "broken", "no_audio", "sample_rate", "channels", "too_costly")
    },
}
