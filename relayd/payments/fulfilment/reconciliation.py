"""Our books compared with Stripe's own lists, because a message can get lost or never be made.

What is listed goes the same way as what a message tells of, so this too may run at any time,
twice at once, and beside everything else.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import attrs
import trio

from relayd import logs
from relayd.background import guarded, keep
from relayd.database.ports import Connection, Database
from relayd.payments.books import invoices, purchases, reversals, subscriptions
from relayd.payments.books.reversals import Applied
from relayd.payments.fulfilment import events
from relayd.payments.fulfilment.fulfilment import Fulfilment
from relayd.payments.ports import (
    CheckoutSession,
    Dispute,
    Invoice,
    ListPage,
    PurchaseState,
    Refund,
)

__all__ = ["Reconciled", "Reconciliation", "due_in_seconds", "next_since", "record"]

log = logs.get(__name__)

T = TypeVar("T")
List = Callable[[dt.datetime, str | None], Awaitable[ListPage[T]]]

# Of one list at a time: 100 pages of 100 are more sales than a daemon could stream.
PAGES_MAX: Final = 100
# Single objects that still wait, asked for one by one.
SINGLE_MAX: Final = 500
# After a comparison that failed.
RETRY_SECONDS: Final = 30.0
# The beginning overlaps what was compared before: clocks differ, and pages shift.
OVERLAP_HOURS: Final = 1
# Once a day everything is looked at in which a refund can still fail (30 days) and a dispute
# is most often opened.
DEEP_DAYS: Final = 35


@attrs.define
class Reconciled:
    """What a comparison looked at, and what it put right."""

    since: dt.datetime
    sessions: int = 0
    invoices: int = 0
    subscriptions: int = 0
    refunds: int = 0
    disputes: int = 0
    corrected: int = 0
    expired: int = 0
    # What could not be put right for a fault of ours: the log has it.
    failed: int = 0
    # Checkout Sessions that are paid and name a purchase that isn't here, as after a restore. Those
    # of another shop on the same Stripe account may be among them.
    strangers: list[str] = attrs.field(factory=list)
    # A list was longer than what is looked at in one go.
    truncated: bool = False


@attrs.frozen
class Reconciliation:
    """Compares. See `Fulfilment` for what follows from a difference."""

    database: Database
    fulfilment: Fulfilment

    async def run(self, every_seconds: float) -> None:
        """Compare now and every so often until cancelled; several daemons share the work."""

        async def compare_when_due() -> None:
            due_seconds = await self.database.transact(due_in_seconds, every_seconds)
            if due_seconds <= 0:
                await self.compare()
                due_seconds = every_seconds
            await trio.sleep(min(due_seconds, every_seconds))

        await keep(
            "reconciliation",
            compare_when_due,
            again_seconds=RETRY_SECONDS,
            again_seconds_max=every_seconds,
        )

    async def compare(self, since: dt.datetime | None = None) -> Reconciled:
        """Compare once; without ``since``, from where the last one began."""
        now, covered = await self.database.transact(next_since)
        done = Reconciled(since or covered)
        await self._sessions(done)
        await self._waiting_sessions(done, now)
        await self._invoices(done)
        await self._open_invoices(done, now)
        await self._subscriptions(done)
        await self._reversals(done)
        await self._waiting_reversals(done)
        done.expired += await self.database.transact(purchases.expire_lost)
        await self.database.transact(subscriptions.expire_unknown)
        await self.database.transact(events.prune)
        if done.truncated:
            log.warning("reconciliation saw a part only", since=done.since.isoformat())
        elif done.since <= covered:
            await self.database.transact(record, now, done.since, done.corrected)
        if done.corrected:
            log.warning("reconciliation put something right", corrected=done.corrected)
        return done

    async def _sessions(self, done: Reconciled) -> None:
        after: str | None = None
        for _ in range(PAGES_MAX):
            page = await self.fulfilment.stripe.list_sessions(done.since, after)
            listed = [session.id for session in page.items]
            known = await self.database.transact(purchases.paid_among, listed)
            known |= await self.database.transact(subscriptions.begun_among, listed)
            for session in page.items:
                done.sessions += 1
                if session.id not in known:
                    await self._settle(done, session)
            after = page.after
            if after is None:
                return
        done.truncated = True

    async def _waiting_sessions(self, done: Reconciled, now: dt.datetime) -> None:
        """Orders older than the list that still wait: some payments take weeks."""
        waiting = await self.database.transact(purchases.take_waiting, now, SINGLE_MAX)
        waiting += await self.database.transact(subscriptions.take_waiting, now, SINGLE_MAX)
        for session_id in waiting:
            session = await self.fulfilment.stripe.session(session_id)
            if session is None:
                await self._close_unknown(done, session_id)
            else:
                done.sessions += 1
                await self._settle(done, session)

    async def _close_unknown(self, done: Reconciled, session_id: str) -> None:
        """Made with a key of another mode or account: it can't be asked about for ever."""
        purchase_id = await self.database.transact(purchases.close_unknown, session_id)
        if purchase_id is not None:
            done.expired += 1
            log.warning(
                "purchase closed, Stripe does not know its session",
                purchase=purchase_id,
                checkout_session=session_id,
            )
        done.expired += await self.database.transact(subscriptions.expire_unknown, session_id)

    async def _invoices(self, done: Reconciled) -> None:
        after: str | None = None
        for _ in range(PAGES_MAX):
            look = await self.fulfilment.look()
            page = await self.fulfilment.stripe.list_invoices(done.since, after)
            paid = await self.database.transact(
                invoices.paid_among, [invoice.id for invoice in page.items]
            )
            for invoice in page.items:
                done.invoices += 1
                if invoice.id not in paid:
                    await self._bill(done, invoice, look)
            after = page.after
            if after is None:
                return
        done.truncated = True

    async def _bill(self, done: Reconciled, invoice: Invoice, look: int) -> None:
        with _guarded(done, invoice=invoice.id):
            billed = await self.fulfilment.bill(invoice, look)
            done.corrected += billed is not None and billed.changed

    async def _open_invoices(self, done: Reconciled, now: dt.datetime) -> None:
        """Invoices older than the list that may yet be paid: Stripe tries for weeks."""
        for invoice_id in await self.database.transact(invoices.take_open, now, SINGLE_MAX):
            done.invoices += 1
            with _guarded(done, invoice=invoice_id):
                billed = await self.fulfilment.invoice(invoice_id)
                done.corrected += billed is not None and billed.changed

    async def _subscriptions(self, done: Reconciled) -> None:
        """Those that run, each once a day; and no deleted account's renews."""
        for key in await self.database.transact(subscriptions.take_due, SINGLE_MAX):
            done.subscriptions += 1
            with _guarded(done, subscription=key):
                done.corrected += await self.fulfilment.subscription(key)
        for key in await self.database.transact(subscriptions.unwanted, SINGLE_MAX):
            with _guarded(done, subscription=key):
                await self.fulfilment.call_off(key)

    async def _settle(self, done: Reconciled, session: CheckoutSession) -> None:
        with _guarded(done, checkout_session=session.id):
            settled = await self.fulfilment.settle(session)
            if settled is not None:
                done.corrected += settled.changed
            elif session.client_reference_id and session.state() is PurchaseState.PAID:
                done.strangers.append(session.id)

    async def _reversals(self, done: Reconciled) -> None:
        stripe = self.fulfilment.stripe
        done.refunds = await self._listed(done, stripe.list_refunds)
        done.disputes = await self._listed(done, stripe.list_disputes)

    async def _listed(self, done: Reconciled, listing: List[Refund] | List[Dispute]) -> int:
        after: str | None = None
        seen = 0
        for _ in range(PAGES_MAX):
            look = await self.fulfilment.look()
            page = await listing(done.since, after)
            for said in page.items:
                seen += 1
                with _guarded(done, reversal=said.id):
                    self._count(done, await self.fulfilment.reverse(said, look))
            after = page.after
            if after is None:
                return seen
        done.truncated = True
        return seen

    async def _waiting_reversals(self, done: Reconciled) -> None:
        """Refunds under way and disputes to be decided, however old."""
        waiting = await self.database.transact(reversals.unsettled, SINGLE_MAX)
        for kind, key in waiting:
            fetch = self.fulfilment.refund if kind == "refund" else self.fulfilment.dispute
            with _guarded(done, reversal=key):
                self._count(done, await fetch(key))

    def _count(self, done: Reconciled, applied: object) -> None:
        done.corrected += isinstance(applied, Applied) and applied.changed


@contextmanager
def _guarded(done: Reconciled, **facts: str) -> Iterator[None]:
    """One of what is compared: a fault of ours in it holds up none of the others."""
    with guarded("could not be reconciled", **facts) as attempt:
        yield
    done.failed += attempt.failed


def next_since(connection: Connection) -> tuple[dt.datetime, dt.datetime]:
    """Now, and from when on lists are to be compared."""
    row = connection.execute(
        """
        SELECT now(), CASE
            WHEN bool_or(started_at > now() - '1 day'::interval
                         AND started_at - since > (%(deep)s - 1) * '1 day'::interval)
            THEN max(started_at) - %(overlap)s * '1 hour'::interval
            ELSE now() - %(deep)s * '1 day'::interval END
        FROM reconciliations
        """,
        {"overlap": OVERLAP_HOURS, "deep": DEEP_DAYS},
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def due_in_seconds(connection: Connection, every_seconds: float) -> float:
    """How long until the next one is due, whoever did the last."""
    row = connection.execute(
        """
        SELECT extract(epoch FROM max(finished_at) - now())::float8 FROM reconciliations
        WHERE finished_at > now() - make_interval(secs => %s)
        """,
        (every_seconds,),
    ).fetchone()
    if row is None or row[0] is None:
        return 0.0
    return max(0.0, every_seconds + float(row[0]))


def record(
    connection: Connection, started_at: dt.datetime, since: dt.datetime, corrected: int
) -> None:
    """A comparison was done to its end; those of long ago are forgotten."""
    connection.execute(
        "INSERT INTO reconciliations (started_at, since, corrected) VALUES (%s, %s, %s)",
        (started_at, since, corrected),
    )
    connection.execute("DELETE FROM reconciliations WHERE finished_at < now() - '7 days'::interval")
