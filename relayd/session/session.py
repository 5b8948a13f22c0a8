"""One session, from who it is to settled books.

    Session.run
    └─ outer nursery ──── outbox.write: sends what had to wait, and the closing frame
       ├─ _converse
       │    hello, or back to a session that goes on
       │    plan · ledger.open                                    ended by a reason at any await
       │    engine.open
       │    └─ inner nursery ── read_client     admits, sends upstream
       │                     ├─ read_upstream   to the outbox, never waits for the client
       │                     └─ allowance.keep  renews the hold at its own pace
       │         … until a reason is given; then, where both ends still live: no more audio
       │           in, finish, last words
       └─ settle · say the ending · close the outbox

The writer stands in the outer nursery, so that money is settled before anything waits for a
client's socket. A task ends the session by giving a reason and returning. Cancelled from
outside means that the client is gone; nothing but that cancellation leaves `run`.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import attrs
import trio

from relayd.errors import (
    ClientGone,
    DatabaseUnavailable,
    LedgerUnavailable,
    UpstreamClosed,
    UpstreamError,
    UpstreamRejected,
    first_leaf,
)
from relayd.identity import Principal, Scope
from relayd.session.allowance import Allowance
from relayd.session.continuing import continuation
from relayd.session.dialect import (
    Conclusion,
    Dialect,
    Hello,
    Introduction,
    Malformed,
    Readiness,
    Resume,
    Return,
    Texts,
    Ticket,
)
from relayd.session.endings import Ending, EndReason
from relayd.session.hearers import Hearer, Hearers
from relayd.session.limits import SessionLimits
from relayd.session.line import Line
from relayd.session.meter import Meter
from relayd.session.ports import Client, Opened, OpenRefusal, OpenRequest, Ports, Settlement
from relayd.session.relay import Relay
from relayd.session.report import Report
from relayd.speech.engine import Upstream
from relayd.speech.plan import ConfigRefusal, StreamPlan

__all__ = ["GoBack", "Session"]

# The app is done, or its page goes away; a page that closes without a code sends none (1005).
ORDERLY_CLOSES: Final = frozenset({1000, 1001, 1005})


GoBack = Callable[["Session", Principal, Resume], Awaitable[None]]


@attrs.define(eq=False)
class Session:
    """A live stream. Run it once.

    ``go_back`` takes its client to the session that it would go on with, if there is one, until
    that has no more use of it; ``went_back`` says whether it did.
    """

    client: Client
    # Who it is, for the ledger and the log: an IP address.
    address: str
    ports: Ports
    limits: SessionLimits
    dialect: Dialect
    # Where the upgrade said who it is; else the first message has to.
    hello: Hello | None = None
    # Since when its app has been there, and may have said nothing; from when it is run, by itself.
    arrived_at: float | None = None
    go_back: GoBack | None = None
    session_id: UUID = attrs.field(init=False)
    ending: Ending = attrs.field(factory=Ending)
    report: Report = attrs.field(init=False)
    line: Line = attrs.field(init=False)
    # Its client went back to another session: nothing is said or settled here.
    went_back: bool = False
    _principal: Principal | None = None
    _unanswered: OpenRequest | None = None
    _allowance: Allowance | None = None
    _remaining_ms: int | None = None
    _upstream: Upstream | None = None
    _relay: Relay | None = None
    # Once it is planned.
    _hearers: Hearers | None = None

    def __attrs_post_init__(self) -> None:
        self.session_id = self.ports.new_id()
        self.report = Report(self.session_id, self.address)
        self.line = Line(self.client, self.dialect, self.ending, self.limits, self._client_gone)

    async def run(self) -> Report:
        """Serve the client until one reason ended it and the books are settled."""
        if self.arrived_at is None:
            self.arrived_at = trio.current_time()
        async with trio.open_nursery() as nursery:
            self.line.open(nursery)
            try:
                await self._converse()
            except* ClientGone:
                self._client_gone()
            except* DatabaseUnavailable:
                self.ending.give(EndReason.SERVICE_UNAVAILABLE)
            except* UpstreamError as group:
                self._upstream_failed(group)
            except* Exception as group:  # noqa: BLE001 - the one boundary; the report carries it
                self.report.fault = group
                self.ending.give(EndReason.INTERNAL_ERROR)
            finally:
                self.ending.give(EndReason.CLIENT_GONE)
                if self.went_back:
                    self.line.leave()
                else:
                    with trio.move_on_after(self.limits.settle_seconds, shield=True):
                        await self._settle()
                    self._complete_report(trio.current_time() - self.arrived_at)
                    self.line.conclude(self.dialect.conclusion(self._conclusion()))
        self.report.returns = self.line.returns
        return self.report

    def belongs_to(self, user_id: UUID) -> bool:
        """Whether this user opened it."""
        return self._principal is not None and self._principal.user_id == user_id

    async def receive_back(self, visitor: "Session", received: int) -> None:
        """Go on over the visitor's connection, if that can be, until it is of no more use."""
        left = self.line.attach(visitor.client, received)
        if left is not None:
            visitor.went_back = True
            await left.wait()

    async def _converse(self) -> None:
        with trio.CancelScope() as opening:
            self.ending.cancels(opening)
            hello = self.hello or await self._hear_hello()
            if hello is None:
                return
            resume = hello.resume if hello.principal.may(Scope.LIVE) else None
            if self.go_back is not None and resume is not None and resume.token:
                await self.go_back(self, hello.principal, resume)
                if self.went_back:
                    return
            self._principal = hello.principal
            if not await self._may_open(hello.principal):
                return
            plan = self._plan(hello)
            if plan is None or not await self._open_ledger(plan, hello.resume):
                return
            async with self.ports.engine.open(plan) as upstream:
                await self._stream(hello, upstream)
                # The last words are out: what is left of the engine's stream ends at once.
                opening.cancel()

    async def _hear_hello(self) -> Hello | None:
        """Hear who it is from the first message; None where it isn't said, or not believed."""
        assert self.arrived_at is not None
        with trio.move_on_at(self.arrived_at + self.limits.auth_seconds) as patience:
            first = await self.client.receive_first()
        if patience.cancelled_caught:
            self.ending.give(EndReason.AUTH_TIMEOUT)
            return None
        auth = self.dialect.parse(first) if isinstance(first, str) else None
        if not isinstance(auth, Introduction):
            problem = auth.problem + " " if isinstance(auth, Malformed) else ""
            self.ending.give(
                EndReason.AUTH_FAILED, f"{problem}The first message must be the auth message."
            )
            return None
        principal: Principal | None = None
        with trio.move_on_after(self.limits.settle_seconds) as patience:
            principal = await self.ports.authenticator.authenticate(auth.token)
        if patience.cancelled_caught:
            self.ending.give(EndReason.SERVICE_UNAVAILABLE)
            return None
        if principal is None:
            self.ending.give(EndReason.AUTH_FAILED)
            return None
        return Hello(principal, auth.config, auth.resume)

    async def _may_open(self, principal: Principal) -> bool:
        if not principal.may(Scope.LIVE):
            self.ending.give(
                EndReason.AUTH_FAILED,
                "This API key lacks the scope live. Make a key that has it.",
            )
            return False
        ports = self.ports.serving(principal)
        if ports is None:
            self.ending.give(EndReason.AUTH_FAILED, "Test keys open no streams here.")
            return False
        self.ports = ports
        wait = await self.ports.opens(principal.user_id)
        if wait > 0:
            self.ending.give(
                EndReason.TOO_MANY_SESSIONS,
                f"Streams were opened too often on this account. Wait {math.ceil(wait)} s.",
            )
        return wait == 0

    def _plan(self, hello: Hello) -> StreamPlan | None:
        plan = self.ports.engine.plan(hello.config)
        if isinstance(plan, ConfigRefusal):
            self.ending.give(EndReason.BAD_CONFIG, plan.message)
            return None
        self._report_plan(plan)
        self._hearers = Hearers(Hearer.of(plan))
        return plan

    def _report_plan(self, plan: StreamPlan) -> None:
        self.report.engine = plan.engine
        self.report.model = plan.model
        self.report.rate = plan.tariff.rate

    async def _open_ledger(self, plan: StreamPlan, resume: Resume | None) -> bool:
        assert self._principal is not None
        user_id, ledger = self._principal.user_id, self.ports.ledger
        continues = await continuation(resume, user_id, plan, ledger, self.limits.settle_seconds)
        request = OpenRequest(
            session_id=self.session_id,
            principal=self._principal,
            engine=plan.engine,
            model=plan.model,
            client_address=self.address,
            tariff=plan.tariff,
            continues=continues,
        )
        # Until an answer says otherwise it may be open. Shielded: one that was opened while its
        # client left is known here, and settled like any other.
        self._unanswered = request
        self.report.settled = False
        opened: Opened | OpenRefusal | None = None
        with trio.move_on_after(self.limits.settle_seconds, shield=True):
            opened = await self.ports.ledger.open(request)
        if opened is None:
            raise LedgerUnavailable("the ledger did not open the session in time")
        self._unanswered = None
        match opened:
            case OpenRefusal():
                self.report.settled = None
                self.ending.give(opened.value)
                return False
            case Opened():
                self._allowance = self._make_allowance(plan, opened)
                return True

    def _make_allowance(self, plan: StreamPlan, opened: Opened) -> Allowance:
        return Allowance(
            session_id=self.session_id,
            ledger=self.ports.ledger,
            limits=self.limits,
            ending=self.ending,
            meter=Meter(plan.format, opened.held_total_ms, plan.tariff, opened.paid_ms),
            opened=opened,
            clock=self.ports.clock,
            say_low=lambda remaining_ms: self.line.say(self.dialect.credits_low(remaining_ms)),
        )

    async def _stream(self, hello: Hello, upstream: Upstream) -> None:
        assert self._allowance is not None
        assert self._hearers is not None
        self._upstream = upstream
        plan = upstream.plan
        if plan.tariff != self._allowance.meter.tariff:
            # Another engine took it than was planned with.
            self._allowance.lower_price(plan.tariff)
        self._report_plan(plan)
        self._hearers.go_on(Hearer.of(plan), 0)
        ticket = self._ticket() if hello.resume is not None else None
        ready = Readiness(self.session_id, plan, self._allowance.remaining_ms, ticket)
        self.line.say(self.dialect.ready(ready))
        for remark in plan.remarks:
            self.line.say(self.dialect.remark(remark))
        self._relay = Relay(
            self.line,
            self.dialect,
            upstream,
            self._allowance,
            self.ending,
            self.limits,
            self._hearers,
        )
        if ticket is not None:
            self.line.keep_results(self._taken, self._welcome)
        await self._relay.run()

    def _ticket(self) -> Ticket | None:
        """With what the app comes back, if it is waited for at all."""
        if not self.limits.resume_seconds:
            return None
        return Ticket(f"{self.ports.place}.{self.session_id}", self.limits.resume_seconds)

    def _taken(self) -> int:
        return 0 if self._relay is None else self._relay.taken_bytes

    def _welcome(self) -> Texts:
        ticket = self._ticket()
        assert ticket is not None
        assert self._allowance is not None
        credit_ms = self._allowance.remaining_ms
        return self.dialect.resumed(Return(self.session_id, self._taken(), credit_ms, ticket))

    def _client_gone(self) -> None:
        closed = self.line.client.peer_code in ORDERLY_CLOSES
        self.ending.give(EndReason.COMPLETED if closed else EndReason.CLIENT_GONE)
        if self._relay is not None:
            self._relay.cut()

    def _upstream_failed(self, group: BaseExceptionGroup[UpstreamError]) -> None:
        error = first_leaf(group)
        self.report.upstream_error = error
        match error:
            case UpstreamRejected():
                reason = EndReason.BAD_CONFIG
            case UpstreamClosed():
                reason = EndReason.UPSTREAM_CLOSED
            case _:
                reason = EndReason.UPSTREAM_UNAVAILABLE
        self.ending.give(reason, error.message)

    async def _settle(self) -> None:
        """One attempt to close the session in the ledger; money before anything else."""
        assert self.ending.reason is not None
        try:
            if self.report.settled is False:
                closed = await self.ports.ledger.close(self.settlement)
                self.report.settled = True
                self._remaining_ms = closed.balance_ms
            elif self._principal is not None and not self.ending.reason.by_app:
                self._remaining_ms = await self.ports.ledger.balance_ms(self._principal.user_id)
        except LedgerUnavailable:
            pass  # The hold stays set aside until the registry gets through; nothing is lost.
        except Exception as error:  # noqa: BLE001 - the client hears its ending all the same
            self.report.fault = self.report.fault or error
        if self._remaining_ms is None and self._allowance is not None:
            self._remaining_ms = self._allowance.remaining_ms

    @property
    def settlement(self) -> Settlement:
        """How a session ended that was opened, or may have been, for the ledger."""
        assert self.report.settled is not None
        assert self.ending.reason is not None
        used_ms = 0 if self._allowance is None else self._allowance.meter.used_ms
        return Settlement(
            session_id=self.session_id,
            used_ms=used_ms,
            reported_ms=None if self._upstream is None else self._upstream.reported_ms,
            reason=self.ending.reason,
            unanswered=self._unanswered,
            shares=() if self._hearers is None else self._hearers.shares(used_ms),
        )

    def _conclusion(self) -> Conclusion:
        assert self.ending.reason is not None
        return Conclusion(
            reason=self.ending.reason,
            wording=self.ending.wording,
            used_ms=0 if self._allowance is None else self._allowance.meter.used_ms,
            remaining_ms=self._remaining_ms,
            authenticated=self._principal is not None,
            taken_bytes=self._taken() if self.line.numbered else None,
        )

    def _complete_report(self, seconds: float) -> None:
        report = self.report
        report.reason = self.ending.reason
        report.principal = self._principal
        report.seconds = round(seconds, 3)
        if self._allowance is not None:
            report.used_ms = self._allowance.meter.used_ms
            report.audio_bytes = self._allowance.meter.admitted_bytes
            report.renewals = self._allowance.renewals
            report.renewal_failures = self._allowance.failures
        if self._upstream is not None:
            report.reported_ms = self._upstream.reported_ms
        if self._relay is not None:
            report.results = self._relay.results
            report.engine_changes = self._relay.engine_changes
            report.malformed = self._relay.malformed
