"""An app on fakes, and a client that comes from an address of choice."""

import copy
import datetime as dt
from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import attrs
import pyotp
import trio.lowlevel
from quart import Response

from relayd.accounts.accounts import Accounts
from relayd.config import Seller
from relayd.edge.addresses import Proxies
from relayd.errors import DatabaseUnavailable
from relayd.events.live import LiveCredit
from relayd.identity import Scope
from relayd.keys.keys import Keys
from relayd.keys.outcomes import MadeKey, WantedKey
from relayd.ledger.outcomes import Balance, DayUsage, SessionRecord
from relayd.mail.letters import Kind
from relayd.routes.app import Application, create_app
from relayd.routes.toolkit.probe import Probe
from relayd.routes.toolkit.wiring import EXTENSION, Services, Wiring
from tests.accounts.world import EMAIL, LETTERS, PASSWORD, make_accounts
from tests.fakes.accounts import MemoryAccounts
from tests.fakes.by_hand import MemoryByHand
from tests.fakes.keys import MemoryKeys
from tests.fakes.plans import MemoryPlans

PEER = "203.0.113.7"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}

STARTED = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@attrs.define(eq=False)
class MemoryWallet:
    """Everybody has the same."""

    balance_ms: int | None = 90_500
    fault: BaseException | None = None

    async def balance(self, user_id: UUID) -> Balance | None:
        """Ninety and a half seconds, unless a test says otherwise."""
        await trio.lowlevel.checkpoint()
        if self.fault is not None:
            raise self.fault
        return None if self.balance_ms is None else Balance(self.balance_ms, 0, 0)

    async def usage(self, user_id: UUID, days: int) -> Sequence[DayUsage]:
        """One second a day."""
        await trio.lowlevel.checkpoint()
        first = STARTED.date()
        return [DayUsage(first + dt.timedelta(days=day), 1000, 2500) for day in range(days)]

    async def live_sessions(self, user_id: UUID) -> Sequence[SessionRecord]:
        """One."""
        return await self.recent_sessions(user_id, 1)

    async def recent_sessions(self, user_id: UUID, most: int) -> Sequence[SessionRecord]:
        """As many as are asked for."""
        await trio.lowlevel.checkpoint()
        ended = STARTED + dt.timedelta(seconds=61)
        return [
            SessionRecord(
                session_id=UUID(int=number),
                email=EMAIL,
                engine="sphinx",
                model="en-us",
                client_address=PEER,
                started_at=STARTED,
                ended_at=ended,
                used_ms=60_250,
                held_total_ms=0,
                reported_ms=None,
                end_reason="completed",
                rate=1000,
            )
            for number in range(most)
        ]


@cache
def _every_route() -> Application:
    nobodys = SimpleNamespace(database=MemoryAccounts())
    app = create_app(cast("Services", nobodys))
    # What is added to one of its copies would be in all: Quart refuses it from now on.
    app._got_first_request = True
    return app


def serving(services: Services) -> Application:
    """What `create_app` makes, in a hundredth of the time: its routes are made once for all."""
    app = copy.copy(_every_route())
    app.extensions = {**app.extensions, EXTENSION: Wiring(services, Probe(services.database.probe))}
    return app


@attrs.define(eq=False)
class World:
    """Make it inside of Trio. ``own_app``: routes may be added to it."""

    requests_per_minute: int = 10
    requests_per_user: int = 1000
    proxies: Proxies = attrs.field(factory=Proxies)
    mail: bool = True
    origins: tuple[str, ...] = ()
    own_origins: tuple[str, ...] = ()
    repository_url: str = ""
    seller: Seller = attrs.field(factory=Seller)
    live_credit: LiveCredit | None = None
    store: MemoryAccounts = attrs.field(factory=MemoryAccounts)
    wallet: MemoryWallet = attrs.field(factory=MemoryWallet)
    glance: Any = None
    keys: Keys = attrs.field(factory=lambda: Keys(MemoryKeys()))
    plans: MemoryPlans = attrs.field(factory=MemoryPlans)
    own_app: bool = False
    by_hand: MemoryByHand = attrs.field(init=False)
    accounts: Accounts = attrs.field(init=False)
    app: Application = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.accounts = make_accounts(self.store, mail=self.mail)
        self.by_hand = MemoryByHand(self.store)
        services = Services(
            accounts=self.accounts,
            wallet=self.wallet,
            database=self.store,
            sessions=cast("Any", None),
            proxies=self.proxies,
            requests_per_minute=self.requests_per_minute,
            requests_per_user=self.requests_per_user,
            origins=self.origins,
            own_origins=self.own_origins,
            repository_url=self.repository_url,
            seller=self.seller,
            live_credit=self.live_credit,
            keys=self.keys,
            glance=self.glance,
            plans=self.plans,
            by_hand=self.by_hand,
        )
        self.app = create_app(services) if self.own_app else serving(services)

    async def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        token: str | None = None,
        peer: str = PEER,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Response:
        """One request."""
        given = dict(headers or {})
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        return await self.app.test_client().open(
            path, method=method, headers=given, scope_base={"client": (peer, 50_000)}, **more
        )

    async def post(self, path: str, body: Any, **more: Any) -> Response:
        """One POST of JSON."""
        return await self.ask(path, "POST", json=body, **more)

    async def register(self) -> dict[str, Any]:
        """A fresh account, signed in."""
        response = await self.post("/auth/register", CREDENTIALS)
        assert response.status_code == 201
        return cast("dict[str, Any]", await response.get_json())

    def letter(self, kind: Kind) -> str:
        """The token in the newest letter of this kind."""
        found = [one.letter for one in self.store.mails if one.letter.kind is kind]
        return LETTERS.token(found[-1].id)

    async def switch_factor_on(self, token: str) -> list[str]:
        """Have signing in take a code; the recovery codes."""
        begun = await self.post("/account/second-factor", CREDENTIALS, token=token)
        code = pyotp.TOTP((await begun.get_json())["secret"]).now()
        on = await self.post("/account/second-factor/confirm", {"code": code}, token=token)
        return cast("list[str]", (await on.get_json())["recovery_codes"])

    async def key(self, token: str, *scopes: Scope, test: bool = False) -> str:
        """A key of who has this token, good for these scopes."""
        principal = await self.accounts.authenticate(token)
        assert principal is not None
        wanted = WantedKey(principal.user_id, "a program", frozenset(scopes), test)
        made = await self.keys.make(wanted)
        assert isinstance(made, MadeKey)
        return made.text

    def lose_database(self) -> None:
        """From now on nothing answers."""
        self.store.reachable = False
        self.wallet.fault = DatabaseUnavailable("no database")


def services_of(app: Application) -> Services:
    """What it serves with."""
    return cast("Wiring", app.extensions[EXTENSION]).services


async def refusal(response: Response) -> tuple[int, str]:
    """Status and code of a refusal, whose shape is checked here for every test."""
    body = await response.get_json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["message"]
    assert "Traceback" not in body["error"]["message"]
    assert response.headers["Cache-Control"] == "no-store"
    assert "Server" not in response.headers
    return response.status_code, body["error"]["code"]
