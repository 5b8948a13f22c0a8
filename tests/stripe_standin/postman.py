"""Events → a webhook, as Stripe brings them: once, twice, out of order, late, or never.

A body is signed by the HMAC-SHA256 of "time.body" with the endpoint's secret.
"""

import enum
import hmac
import json
import math
from collections.abc import Callable
from typing import Final

import attrs
import httpx
import trio

from tests.stripe_standin.records import Records
from tests.stripe_standin.shapes import Json

__all__ = ["Attempt", "Manner", "Postman", "Signed", "sign", "signature"]

# Events that wait for the postman: more than any test makes.
_INBOX_EVENTS: Final = 10_000
_ANSWER_SECONDS: Final = 10


class Manner(enum.Enum):
    """How an event reaches the webhook."""

    ONCE = "once"
    TWICE = "twice"
    OUT_OF_ORDER = "out_of_order"  # together with its neighbours, the last one first
    LATE = "late"  # after `late_seconds`, or when it is released
    NEVER = "never"  # until it is delivered again by hand


@attrs.frozen
class Attempt:
    """A delivery that was tried; the status is 0 where nobody answered."""

    event_id: str
    kind: str
    status: int


@attrs.define(eq=False)
class Postman:
    """Delivers what an account writes. Without an address everything is lost."""

    records: Records
    url: str = ""
    secret: str = "whsec_standin"
    manner: Manner = Manner.ONCE
    # Kinds of events that are brought in a manner of their own.
    manners: dict[str, Manner] = attrs.field(factory=dict)
    late_seconds: float = 5.0
    # How long it is quiet before what came together is brought in reverse.
    quiet_seconds: float = 0.2
    # Stripe retries for days, test accounts for hours; here it is a few times.
    retries: int = 4
    retry_seconds: float = 0.5
    attempts: list[Attempt] = attrs.field(factory=list)
    lost: list[Json] = attrs.field(factory=list)
    _together: list[Json] = attrs.field(factory=list)
    _released: trio.Event = attrs.field(factory=trio.Event)
    _attempted: trio.Event = attrs.field(factory=trio.Event)
    _put: trio.MemorySendChannel[Json] = attrs.field(init=False)
    _inbox: trio.MemoryReceiveChannel[Json] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._put, self._inbox = trio.open_memory_channel[Json](_INBOX_EVENTS)
        self.records.on_event = self._put.send_nowait

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with (
            httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False, verify=False) as client,  # noqa: S501  loopback
            trio.open_nursery() as nursery,
        ):
            while True:
                event: Json | None = None
                with trio.move_on_after(self.quiet_seconds if self._together else math.inf):
                    event = await self._inbox.receive()
                if event is None:
                    await self._bring_together(nursery, client)
                else:
                    await self._bring(nursery, client, event)

    def release(self) -> None:
        """What is late comes now."""
        self._released.set()
        self._released = trio.Event()

    def redeliver(self, event_id: str | None = None) -> int:
        """Bring one event (again), or all that were lost; how many."""
        if event_id is None:
            again, self.lost = self.lost, []
        else:
            again = [self.records.get("evt", event_id)]
            self.lost = [one for one in self.lost if one["id"] != event_id]
        for event in again:
            # A mark that only the postman sees: by hand means once, whatever the manner.
            self._put.send_nowait({**event, "_by_hand": True})
        return len(again)

    async def until(self, reached: Callable[[list[Attempt]], bool]) -> None:
        """Wait until the attempts so far are what a test waits for."""
        while not reached(self.attempts):
            await self._attempted.wait()

    async def _bring(self, nursery: trio.Nursery, client: httpx.AsyncClient, marked: Json) -> None:
        event = {name: value for name, value in marked.items() if name != "_by_hand"}
        manner = self.manners.get(event["type"], self.manner)
        if len(event) < len(marked):
            manner = Manner.ONCE
        if not self.url:
            manner = Manner.NEVER
        match manner:
            case Manner.NEVER:
                self.lost.append(event)
            case Manner.LATE:
                nursery.start_soon(self._bring_late, nursery, client, event, self._released)
            case Manner.OUT_OF_ORDER:
                self._together.append(event)
            case Manner.ONCE | Manner.TWICE:
                for _ in range(1 + (manner is Manner.TWICE)):
                    await self._post(nursery, client, event)

    async def _bring_together(self, nursery: trio.Nursery, client: httpx.AsyncClient) -> None:
        together, self._together = self._together, []
        for event in reversed(together):
            await self._post(nursery, client, event)

    async def _bring_late(
        self,
        nursery: trio.Nursery,
        client: httpx.AsyncClient,
        event: Json,
        released: trio.Event,
    ) -> None:
        with trio.move_on_after(self.late_seconds):
            await released.wait()
        await self._post(nursery, client, event)

    async def _post(self, nursery: trio.Nursery, client: httpx.AsyncClient, event: Json) -> None:
        """Try once; what failed is tried again in the background, so the next needn't wait."""
        if not await self._try(client, event):
            nursery.start_soon(self._retry, client, event)

    async def _retry(self, client: httpx.AsyncClient, event: Json) -> None:
        for turn in range(self.retries):
            await trio.sleep(self.retry_seconds * 2**turn)
            if await self._try(client, event):
                return

    async def _try(self, client: httpx.AsyncClient, event: Json) -> bool:
        signed = sign(event, self.secret, self.records.now())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signed.header,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        status = 0
        try:
            response = await client.post(self.url, content=signed.body, headers=headers)
            status = response.status_code
        except httpx.HTTPError:
            pass  # Nobody is there: the attempt says so.
        if 200 <= status < 300:
            self.records.get("evt", event["id"])["pending_webhooks"] = 0
        self.attempts.append(Attempt(event["id"], event["type"], status))
        self._attempted.set()
        self._attempted = trio.Event()
        return 200 <= status < 300


@attrs.frozen
class Signed:
    """A delivery as it goes over the wire."""

    body: bytes
    header: str


def sign(event: Json, secret: str, at: int) -> Signed:
    """An event as Stripe writes and signs it."""
    body = json.dumps(event, indent=2).encode()
    # An old scheme comes along and is to be ignored: test deliveries of Stripe have it.
    header = f"t={at},v1={signature(body, secret, at)},v0={'0' * 64}"
    return Signed(body, header)


def signature(body: bytes, secret: str, at: int) -> str:
    """The v1 signature of any body."""
    return hmac.new(secret.encode(), b"%d." % at + body, "sha256").hexdigest()
