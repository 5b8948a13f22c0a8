"""The whole path without a socket: relayd.client → edge → Quart → Session → Deepgram's stand-in.

The ledger is the in-memory one and passwords aren't hashed, so that no thread runs and the
mock clock may jump.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import attrs
import trio
import trio.testing
from quart_trio import QuartTrio

from relayd import config
from relayd.accounts.sign_ins.tokens import AccessTokens, TokenAuthenticator
from relayd.client.session import Stream, open_stream
from relayd.client.transport import Address
from relayd.daemon.session_log import log_end
from relayd.edge.door import Door, open_door
from relayd.engines.deepgram.engine import Deepgram
from relayd.identity import Principal
from relayd.routes.app import create_app
from relayd.routes.toolkit.wiring import Services
from relayd.session.limits import SessionLimits
from relayd.session.ports import Ports
from relayd.session.registry import Sessions
from relayd.websocket.pump import open_pump
from tests import defaults
from tests.accounts.world import make_accounts
from tests.fakes.accounts import MemoryAccounts
from tests.fakes.ledger import FakeLedger
from tests.standin import Script, StandIn

if TYPE_CHECKING:
    from relayd.edge.asgi import App

__all__ = ["Stack", "open_stack"]

SECRET = b"a secret of the tests, long enough for HS256"
KEY = "standin-key"
ORIGIN = "https://app.example"


@attrs.define(eq=False)
class Stack:
    """A running relay, one user, and the stand-in engine behind it."""

    nursery: trio.Nursery
    app: QuartTrio
    door: Door
    sessions: Sessions
    ledger: FakeLedger
    stand_in: StandIn
    tokens: AccessTokens
    principal: Principal

    @property
    def user_id(self) -> UUID:
        """The user."""
        return self.principal.user_id

    @property
    def token(self) -> str:
        """A fresh access token of the user."""
        return self.tokens.issue(self.principal, bytes(32), 900)

    def connect(self) -> trio.abc.Stream:
        """One end of a connection whose other end the relay serves."""
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.door.serve_stream, theirs)
        return ours

    async def dial(self, address: Address) -> trio.abc.Stream:
        """The client library's way in."""
        await trio.lowlevel.checkpoint()
        return self.connect()

    @asynccontextmanager
    async def stream(self, **options: Any) -> AsyncIterator[Stream]:
        """A signed-in session through the client library."""
        async with open_stream(
            "http://relay.example", self.token, options, connect=self.dial
        ) as stream:
            yield stream

    async def settled(self) -> None:
        """Wait until no session is live, and check the books."""
        with trio.fail_after(60):
            await self.sessions.drain()
        self.ledger.assert_balanced()
        assert self.ledger.held_ms(self.user_id) == 0


@asynccontextmanager
async def open_stack(
    *scripts: Script, credit_ms: int = 600_000, limits: SessionLimits | None = None
) -> AsyncIterator[Stack]:
    """The relay with a user who has this credit, and connections that follow these scripts."""
    ledger = FakeLedger()
    principal = ledger.add_user(uuid4())
    ledger.grant(principal.user_id, credit_ms)
    stand_in = StandIn(scripts=list(scripts) or [Script()])
    tokens = AccessTokens(SECRET)
    store = MemoryAccounts()
    async with open_pump() as pump, trio.open_nursery() as nursery:
        engine = Deepgram(
            config.Deepgram(api_key=config.Secret(KEY), url="ws://localhost:1"),
            pump,
            stand_in.connector(nursery, trio.testing.memory_stream_pair),
        )
        sessions = Sessions(
            Ports(TokenAuthenticator(tokens), engine, ledger), limits or defaults.limits(), log_end
        )
        app = create_app(
            Services(
                accounts=make_accounts(store),
                wallet=cast("Any", None),
                database=store,
                sessions=sessions,
                origins=(ORIGIN,),
            )
        )
        async with open_door(
            cast("App", app), defaults.edge(), pump, bodies=app.body_rules
        ) as door:
            yield Stack(nursery, app, door, sessions, ledger, stand_in, tokens, principal)
        nursery.cancel_scope.cancel()
