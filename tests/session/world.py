"""Everything around one session, in memory: a client, an engine, a ledger, a user with credit."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import attrs
import trio

from relayd.errors import DatabaseUnavailable
from relayd.identity import Principal
from relayd.quotas.limits import Rate
from relayd.quotas.windows import Windows
from relayd.session.dialect import Hello
from relayd.session.limits import SessionLimits
from relayd.session.ports import Ports
from relayd.session.report import Report
from relayd.session.session import Session
from tests import defaults
from tests.fakes.client import FakeClient
from tests.fakes.engine import FakeEngine
from tests.fakes.ledger import FakeLedger
from tests.session.audio import frame
from tests.session.manners import NATIVE, Manner

__all__ = ["TOKEN", "World"]

TOKEN = "good-token"


@attrs.define(eq=False)
class World:
    """One user, one session about to run."""

    credit_ms: int = 600_000
    # What checking a token takes, and whether it can be done.
    authenticating_seconds: float = 0.0
    accounts_away: bool = False
    limits: SessionLimits = attrs.field(factory=defaults.limits)
    manner: Manner = NATIVE
    user_id: UUID = attrs.field(factory=uuid4)
    client: FakeClient = attrs.field(factory=FakeClient)
    engine: FakeEngine = attrs.field(factory=FakeEngine)
    ledger: FakeLedger = attrs.field(factory=FakeLedger)
    session: Session = attrs.field(init=False)
    # What a registry says of sessions that ended.
    reports: list[Report] = attrs.field(factory=list)
    # Streams that one user may open in a minute.
    opens_per_minute: int = 100
    _windows: Windows = attrs.field(factory=Windows)
    _dialled: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.ledger.add_user(self.user_id)
        if self.credit_ms:
            self.ledger.grant(self.user_id, self.credit_ms)
        self.session = self.another(self.client)

    def another(self, client: FakeClient) -> Session:
        """A further session of the same user."""
        ports = Ports(self, self.engine, self.ledger, opens=self.count_opening)
        return Session(client, "192.0.2.1", ports, self.limits, self.manner.dialect())

    def take_at_once(self, at_once: bool) -> None:
        """Let client and engine take what they get without waiting, as sockets mostly do."""
        self.client.at_once = at_once
        self.engine.at_once = at_once

    async def authenticate(self, token: str) -> Principal | None:
        """The session's Authenticator."""
        await trio.sleep(self.authenticating_seconds)
        if self.accounts_away:
            raise DatabaseUnavailable("the accounts are switched off")
        return Principal(self.user_id) if token == TOKEN else None

    async def count_opening(self, user_id: UUID) -> float:
        """The session's count of openings."""
        await trio.lowlevel.checkpoint()
        rate = Rate(str(user_id), self.opens_per_minute)
        return self._windows.admit([rate], trio.current_time())

    async def run(self, play: Callable[[], Awaitable[object]] | None = None) -> Report:
        """Run the session while the test plays its part; both must end.

        An app that says who it is with its upgrade has no session before that.
        """
        reports: list[Report] = []
        if self.manner.auth is not None:
            self._dialled.set()

        async def run_session() -> None:
            await self._dialled.wait()
            reports.append(await self.session.run())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_session)
            if play is not None:
                await play()
        return reports[0]

    def sign_in(self, **config: object) -> None:
        """Say who it is and what it wants."""
        if self.manner.auth is None:
            self.session.hello = Hello(Principal(self.user_id), config)
            self._dialled.set()
        else:
            self.client.send_text(self.manner.auth(TOKEN, config))

    def keepalive(self) -> None:
        """Say that it is still there."""
        self.client.send_text(self.manner.keepalive)

    def stop(self) -> None:
        """Say that no more audio comes."""
        self.client.send_text(self.manner.stop)

    async def talk(self, seconds: float, frame_ms: int = 100) -> None:
        """Speak at live pace, from now on; the nth frame comes once it was spoken."""
        started_at = trio.current_time()
        for n in range(round(seconds * 1000 / frame_ms)):
            await trio.sleep_until(started_at + (n + 1) * frame_ms / 1000)
            self.client.speak(self.manner.audio(frame(frame_ms)))

    def assert_books(self) -> None:
        """Nothing is held any more, and the sums agree."""
        self.ledger.assert_balanced()
        assert self.ledger.held_ms(self.user_id) == 0
