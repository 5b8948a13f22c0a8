"""Stripe's messages: stored, answered, and then worked on, again and again until it is done."""

from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio

from relayd import logs
from relayd.background import guarded, keep
from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable, StripeUnavailable
from relayd.payments.books.reversals import Applied, NotApplied
from relayd.payments.fulfilment.fulfilment import Fulfilment
from relayd.payments.leases import FIRST_PAUSE_SECONDS, Lease

__all__ = ["KINDS", "Event", "EventQueue", "claim", "finish", "prune", "put_off", "store"]

log = logs.get(__name__)

# Looks for what another daemon left, or what is due again; new messages wake it at once.
POLL_SECONDS: Final = 5.0
# Worked on at once: each waits for Stripe most of the time.
BATCH: Final = 8
# With the pauses below about a day and a half; reconciliation goes on after.
ATTEMPTS_MAX: Final = 150
# What is told of most often takes one call of Stripe's, a subscription's Session three, a refund of
# an invoice whose own messages were all lost five, a charge some more for each such refund: what is
# cut off here has got further next time.
CALLS_MAX: Final = 5
_SESSION: Final = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
_REFUND: Final = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
_CHARGE: Final = ("charge.refunded",)
_DISPUTE: Final = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
_INVOICE: Final = ("invoice.paid", "invoice.payment_failed")
_SUBSCRIPTION: Final = ("customer.subscription.updated", "customer.subscription.deleted")
_FAILURE: Final = ("payment_intent.payment_failed",)
# What the webhook endpoint at Stripe should be subscribed to.
KINDS: Final = frozenset(
    {*_SESSION, *_REFUND, *_CHARGE, *_DISPUTE, *_INVOICE, *_SUBSCRIPTION, *_FAILURE}
)
# Between two attempts, however many failed.
PAUSE_SECONDS_MAX: Final = 900
# Stripe repeats a message for three days; afterwards nobody asks whether it was seen.
KEPT_DAYS: Final = 30


@attrs.frozen
class Event:
    """A message of Stripe's: that something happened to an object, which is fetched again."""

    id: str
    type: str
    object_id: str
    detail: str = ""
    attempts: int = 0


@attrs.define(eq=False)
class EventQueue:
    """The queue in the database, and the one worker of this daemon."""

    database: Database
    fulfilment: Fulfilment
    # Called beside `wake` when a message was kept: where another process works on them.
    told: Callable[[], object] = attrs.field(default=lambda: None)
    _lease: Lease = attrs.field(init=False)
    _news: trio.Event = attrs.field(factory=trio.Event, init=False)

    @_lease.default
    def _make_lease(self) -> Lease:
        return Lease.of_calls(self.fulfilment.stripe, CALLS_MAX)

    async def accept(self, event: Event) -> None:
        """Keep a message: from here on it is ours to work on. Raises `DatabaseUnavailable`."""
        if event.type not in KINDS:
            log.debug("message of no interest", type=event.type)
            return
        if await self.database.transact(store, event):
            self.wake()
            self.told()

    def wake(self) -> None:
        """There is something to work on."""
        self._news.set()

    async def run(self) -> None:
        """Work on what is due until cancelled."""
        await keep("messages of Stripe", self._work_or_wait, again_seconds=POLL_SECONDS)

    async def _work_or_wait(self) -> None:
        self._news = trio.Event()
        if await self.work() == 0:
            with trio.move_on_after(POLL_SECONDS):
                await self._news.wait()

    async def work(self) -> int:
        """Work once on some that are due; how many there were."""
        events = await self.database.transact(claim, BATCH, self._lease.seconds)
        async with trio.open_nursery() as nursery:
            for event in events:
                nursery.start_soon(self._work_on, event)
        return len(events)

    async def _work_on(self, event: Event) -> None:
        """One message. Whatever goes wrong, it is due again: after a pause, or its lease."""
        with guarded("message could not be worked on", stripe_event=event.id):
            try:
                outcome = await self._outcome_in_time(event)
                if outcome is None:
                    await self.database.transact(put_off, event.id)
                else:
                    await self.database.transact(finish, event.id, outcome)
            except DatabaseUnavailable as error:
                log.warning("message waits", stripe_event=event.id, problem=str(error))

    async def _outcome_in_time(self, event: Event) -> str | None:
        """What came of it; None where it must be tried again."""
        with trio.move_on_after(self._lease.work_seconds):
            return await self._outcome(event)
        log.warning("message takes long", stripe_event=event.id, attempts=event.attempts)
        return "given up" if event.attempts >= ATTEMPTS_MAX else None

    async def _outcome(self, event: Event) -> str | None:
        try:
            return await _HANDLERS[event.type](self.fulfilment, event)
        except StripeUnavailable as error:
            given_up = event.attempts >= ATTEMPTS_MAX
            tell = log.error if error.refused or given_up else log.warning
            tell("message waits for Stripe", stripe_event=event.id, problem=str(error))
            # Reconciliation goes on without it.
            return "given up" if given_up else None


async def _on_session(fulfilment: Fulfilment, event: Event) -> str:
    said_failed = event.type == "checkout.session.async_payment_failed"
    state = await fulfilment.fulfil(event.object_id, said_failed=said_failed)
    return "not ours" if state is None else state.value


async def _on_refund(fulfilment: Fulfilment, event: Event) -> str:
    return _told(await fulfilment.refund(event.object_id))


async def _on_charge(fulfilment: Fulfilment, event: Event) -> str:
    applied = await fulfilment.refunds_of(event.object_id)
    return f"{len(applied)} refunds"


async def _on_dispute(fulfilment: Fulfilment, event: Event) -> str:
    return _told(await fulfilment.dispute(event.object_id))


async def _on_invoice(fulfilment: Fulfilment, event: Event) -> str:
    billed = await fulfilment.invoice(event.object_id)
    return "not ours" if billed is None else billed.status


async def _on_subscription(fulfilment: Fulfilment, event: Event) -> str:
    return "changed" if await fulfilment.subscription(event.object_id) else "known, or not ours"


async def _on_failure(fulfilment: Fulfilment, event: Event) -> str:
    """A card was declined; the buyer may try another one on the same page."""
    log.info("payment attempt failed", payment_intent=event.object_id, code=event.detail or None)
    await trio.lowlevel.checkpoint()
    return "logged"


def _told(applied: Applied | NotApplied | None) -> str:
    if isinstance(applied, Applied):
        return "changed" if applied.changed else "known"
    return "not ours" if applied is None else applied.value


Handler = Callable[[Fulfilment, Event], Awaitable[str]]
_HANDLERS: Final[dict[str, Handler]] = {
    **dict.fromkeys(_SESSION, _on_session),
    **dict.fromkeys(_REFUND, _on_refund),
    **dict.fromkeys(_CHARGE, _on_charge),
    **dict.fromkeys(_DISPUTE, _on_dispute),
    **dict.fromkeys(_INVOICE, _on_invoice),
    **dict.fromkeys(_SUBSCRIPTION, _on_subscription),
    **dict.fromkeys(_FAILURE, _on_failure),
}


def store(connection: Connection, event: Event) -> bool:
    """Keep a message; whether it is a new one."""
    return (
        connection.execute(
            """
            INSERT INTO stripe_events (event_id, type, object_id, detail) VALUES (%s, %s, %s, %s)
            ON CONFLICT (event_id) DO NOTHING
            """,
            (event.id, event.type, event.object_id, event.detail),
        ).rowcount
        == 1
    )


def claim(connection: Connection, most: int, lease_seconds: float) -> list[Event]:
    """Take messages that are due; nobody else takes them until the lease is over."""
    rows = connection.execute(
        """
        UPDATE stripe_events
        SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => %(lease)s)
        WHERE event_id IN (
            SELECT event_id FROM stripe_events
            WHERE processed_at IS NULL AND next_attempt_at <= now()
            ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
        RETURNING event_id, type, object_id, detail, attempts
        """,
        {"most": most, "lease": lease_seconds},
    ).fetchall()
    return [Event(*row) for row in rows]


def put_off(connection: Connection, event_id: str) -> None:
    """An attempt failed: the next one is due after a pause that doubles with each."""
    connection.execute(
        """
        UPDATE stripe_events
        SET next_attempt_at = now() + make_interval(
                secs => least(%(most)s, %(first)s * 2 ^ least(attempts - 1, 9)))
        WHERE event_id = %(event)s AND processed_at IS NULL
        """,
        {"event": event_id, "first": FIRST_PAUSE_SECONDS, "most": PAUSE_SECONDS_MAX},
    )


def finish(connection: Connection, event_id: str, outcome: str) -> None:
    """A message is done with."""
    connection.execute(
        """
        UPDATE stripe_events SET processed_at = now(), outcome = %s
        WHERE event_id = %s AND processed_at IS NULL
        """,
        (outcome, event_id),
    )


def prune(connection: Connection) -> int:
    """Forget messages that were done with long ago."""
    return connection.execute(
        "DELETE FROM stripe_events WHERE processed_at < now() - make_interval(days => %s)",
        (KEPT_DAYS,),
    ).rowcount
