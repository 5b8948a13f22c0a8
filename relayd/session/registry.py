"""The live sessions of this process: started, counted, drained.

Where the ledger was out of reach at a session's end, its books are settled from here, late.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID

import attrs
import trio

from relayd.background import Faults, keep
from relayd.identity import Principal
from relayd.session.continuing import session_named
from relayd.session.dialect import Dialect, Hello, Resume
from relayd.session.endings import EndReason
from relayd.session.limits import SessionLimits
from relayd.session.ports import Client, Ports, Settlement
from relayd.session.report import Report
from relayd.session.session import GoBack, Session

__all__ = ["Sessions"]

# Between attempts to settle what the ledger could not take at a session's end.
SETTLE_AGAIN_SECONDS: Final = 2.0


@attrs.define(eq=False)
class Sessions:
    """Every session that runs on one set of ports."""

    ports: Ports
    limits: SessionLimits
    # Hears of every session once, when it is over: for the log, and whatever counts sessions.
    ended: Callable[[Report], object]
    # Takes an app back to a session that is not here, as `Session.go_back` does.
    elsewhere: GoBack | None = None
    draining: bool = False
    _live: dict[UUID, Session] = attrs.field(factory=dict)
    # Bounded by the sessions that can end within one outage; each entry is some 200 bytes.
    _unsettled: dict[UUID, Settlement] = attrs.field(factory=dict)
    _faults: Faults[UUID] = attrs.field(factory=lambda: Faults("session can't be settled"))
    _changed: trio.Event = attrs.field(factory=trio.Event)

    def __len__(self) -> int:
        return len(self._live)

    @property
    def unsettled(self) -> int:
        """How many ended sessions the ledger doesn't know of yet."""
        return len(self._unsettled)

    async def serve(
        self,
        client: Client,
        address: str,
        dialect: Dialect,
        hello: Hello | None = None,
        *,
        arrived_at: float | None = None,
    ) -> Report:
        """Run one session to its end, also where that is being cut off.

        ``arrived_at``: since when the app had the time to say who it is, where that isn't now.
        Nothing but a cancellation leaves this.
        """
        session = Session(
            client, address, self.ports, self.limits, dialect, hello, arrived_at, self._go_back
        )
        self._live[session.session_id] = session
        if self.draining:
            session.ending.give(EndReason.SERVER_DRAINING)
            session.line.let_go()
        try:
            return await session.run()
        finally:
            self._live.pop(session.session_id, None)
            if session.report.settled is False:
                self._unsettled[session.session_id] = session.settlement
            self._tell()
            if not session.went_back:
                self.ended(session.report)

    async def ready_for(self, session_id: UUID, user_id: UUID, received: int) -> Session | None:
        """The session of this user to which an app can come back that has so many results.

        One that it can't come back to is ended: the app begins anew, and needs its place.
        """
        await trio.lowlevel.checkpoint()
        host = self._live.get(session_id)
        if host is None or not host.belongs_to(user_id):
            return None
        if not host.line.holds(received):
            await self._give_up(host)
            return None
        return host

    def recall(self, session_id: UUID) -> None:
        """Its app has come to another daemon: end it, if it is here."""
        session = self._live.get(session_id)
        if session is not None:
            session.ending.give(EndReason.CLIENT_GONE)
            session.line.let_go()

    async def _go_back(self, visitor: Session, principal: Principal, resume: Resume) -> None:
        """Take a client back to the session that it was cut off from, here or elsewhere."""
        session_id = session_named(resume.token)
        # The two count as one, and nobody waits for the visitor.
        del self._live[visitor.session_id]
        try:
            if session_id is not None and session_id in self._live:
                host = await self.ready_for(session_id, principal.user_id, resume.received)
                if host is not None:
                    await host.receive_back(visitor, resume.received)
            elif self.elsewhere is not None:
                await self.elsewhere(visitor, principal, resume)
        finally:
            self._live[visitor.session_id] = visitor

    async def _give_up(self, session: Session) -> None:
        """End one whose app begins anew; its place among the user's streams is needed."""
        self.recall(session.session_id)
        with trio.move_on_after(self.limits.settle_seconds):
            await trio.lowlevel.checkpoint()
            while session.session_id in self._live:
                await self._changed.wait()

    async def drain(self) -> None:
        """End every session in order, refuse new ones, and wait until all are settled.

        One that can't be settled for a fault of ours is not waited for.
        """
        self.draining = True
        for session in list(self._live.values()):
            session.ending.give(EndReason.SERVER_DRAINING)
            session.line.let_go()
        await self.over()

    async def over(self) -> None:
        """Wait until no session lives and all are settled, without ending any."""
        while self._live or any(key not in self._faults for key in self._unsettled):
            await self._changed.wait()

    async def settle_late(self) -> None:
        """Settle what could not be settled in time; runs as long as the daemon."""
        await keep(
            "late settling",
            self._settle_unsettled,
            again_seconds=SETTLE_AGAIN_SECONDS,
            again_seconds_max=SETTLE_AGAIN_SECONDS,
        )

    async def _settle_unsettled(self) -> None:
        while not self._unsettled:
            await self._changed.wait()
        for session_id in self._faults.due(self._unsettled):
            with self._faults.guard(session_id, session=session_id):
                await self.ports.ledger.close(self._unsettled[session_id])
                del self._unsettled[session_id]
            self._tell()
        await trio.sleep(SETTLE_AGAIN_SECONDS)

    def _tell(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()
        self._changed = trio.Event()
