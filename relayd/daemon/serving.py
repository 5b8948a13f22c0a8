"""What one process does for its apps: a boot of its own, its engine, its sessions, its door.

A boot owns the sessions that were opened under it. Where several processes serve, each has one,
and whichever dies leaves the others' sessions alone.
"""

import gc
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID, uuid4

import attrs
import trio

from relayd import logs
from relayd.accounts.accounts import Accounts
from relayd.accounts.sign_ins.tokens import AccessTokens, TokenAuthenticator
from relayd.clock import lease_clock
from relayd.config import Config
from relayd.daemon.batch import Room, membership_of, open_room
from relayd.daemon.core import Core
from relayd.daemon.entrance import Entrance
from relayd.daemon.passage import Passage
from relayd.daemon.session_log import log_end
from relayd.daemon.settings import proxies_of, session_limits
from relayd.database.pool import Pool
from relayd.edge.door import Door, serve
from relayd.edge.websocket import SocketTerms
from relayd.engines.pretend.live import PretendLive
from relayd.events.credit import CreditReader
from relayd.events.hub import Hub
from relayd.events.listener import HubEars, listen
from relayd.events.live import LiveCredit
from relayd.keys.keys import Keys
from relayd.keys.known import KnownKeys
from relayd.keys.presenting import KeyOrToken
from relayd.keys.spelling import Spelling
from relayd.keys.trial import TrialLedger
from relayd.ledger.postgres import Policy, PostgresLedger
from relayd.ledger.renewals import pause_within
from relayd.ledger.wallet import Wallet
from relayd.overview.glance import Glance
from relayd.payments.shop import Shop
from relayd.plans.membership import Membership
from relayd.plans.service import UserPlans
from relayd.quotas.limits import Quotas, Rate
from relayd.routes.app import create_app
from relayd.routes.toolkit.origins import own_origins
from relayd.routes.toolkit.wiring import Services
from relayd.session.ports import Ports, Trial
from relayd.session.registry import Sessions
from relayd.speech.engine import Engine
from relayd.storage.opening import open_storage
from relayd.websocket.pump import Pump

if TYPE_CHECKING:
    from relayd.edge.asgi import App

__all__ = ["Serving"]

log = logs.get(__name__)

# New objects between two looks for cyclic garbage: some 10 MiB at most wait for one. With Python's
# 700, every sixth frame paid for a look.
GARBAGE_OBJECTS: Final = 20_000
# The interpreter's own default is 5 ms.
SWITCH_SECONDS: Final = 0.0005


@attrs.define(eq=False)
class Serving:
    """One process that serves, until ``stop`` is set and all is drained.

    ``retiring`` may be set before: then nothing new is accepted, and what is there may go on.
    """

    config: Config
    database: Pool
    engine: Engine
    shop: Shop | None
    entrance: Entrance
    quotas: Quotas
    pump: Pump
    hashing: trio.CapacityLimiter
    boot_id: UUID = attrs.field(factory=uuid4)
    stop: trio.Event = attrs.field(factory=trio.Event)
    retiring: trio.Event = attrs.field(factory=trio.Event)
    # Whether the database knows that this boot is over.
    farewell_said: bool = False
    # Which plan somebody is on; None where there are no plans.
    membership: Membership | None = attrs.field(init=False)

    @membership.default
    def _find_membership(self) -> Membership | None:
        return membership_of(self.config)

    async def run(self, started: Callable[[], object]) -> None:
        """Serve; ``started`` is called once connections are taken."""
        keys = Keys(
            self.database,
            Spelling(self.config.keys.prefix),
            self.config.keys.per_user,
            KnownKeys(lease_clock),
        )
        sessions = self._sessions(keys)
        hub = Hub()
        # Quart's types name every ASGI event, the edge takes them as plain mappings.
        room = open_room(
            self.config,
            self.database,
            open_storage(self.config.storage, self.config.files_directory),
        )
        application = create_app(self._services(sessions, hub, room, keys))
        app = cast("App", application)
        core = Core(self.database, sessions, self.boot_id, self.config.metering.heartbeat_seconds)
        async with core.running(), trio.open_nursery() as background:
            ears = HubEars(hub, keys.known, sessions.recall)
            background.start_soon(listen, self.database.conninfo, ears)
            background.start_soon(keys.note_uses)
            await background.start(self._passage(sessions).run)
            if room is not None:
                background.start_soon(room.fetcher.run)
            async with trio.open_nursery() as door_nursery:
                door: Door = await door_nursery.start(
                    partial(
                        serve,
                        app,
                        self.entrance.settings,
                        self.entrance.listeners,
                        self.pump,
                        tls=self.entrance.tls,
                        quotas=self.quotas,
                        bodies=application.body_rules,
                    )
                )
                _calm_collector()
                _share_interpreter()
                started()
                await self._until_stopped(door, sessions)
                hub.close()
                await self._drain(door, sessions)
                door_nursery.cancel_scope.cancel()
            background.cancel_scope.cancel()
        self.farewell_said = core.farewell_said

    def _sessions(self, keys: Keys) -> Sessions:
        config = self.config
        policy = Policy(config.metering.hold_seconds * 1000, config.limits.streams_per_user)
        pause_seconds = pause_within(config.metering.flush_seconds)
        ledger = PostgresLedger(
            self.database,
            self.boot_id,
            policy,
            pause_seconds,
            None if self.membership is None else self.membership.begin,
        )
        tokens = AccessTokens(config.auth.secret.reveal().encode())
        return Sessions(
            Ports(
                KeyOrToken(keys, TokenAuthenticator(tokens)),
                self.engine,
                ledger,
                clock=lease_clock,
                place=str(self.boot_id),
                opens=self._count_opening,
                trial=self._trial(keys),
            ),
            session_limits(config.limits, config.metering),
            log_end,
        )

    def _passage(self, sessions: Sessions) -> Passage:
        """The way to the sessions of other processes, and theirs to ours."""
        terms = SocketTerms.of(self.entrance.settings, self.pump)
        passage = Passage(str(self.boot_id), sessions, terms)
        sessions.elsewhere = passage.take
        return passage

    def _trial(self, keys: Keys) -> Trial:
        """What test keys run on."""
        settings = self.config.keys
        credit_ms = settings.test_minutes * 60_000
        ledger = TrialLedger(keys, self.quotas, credit_ms, settings.test_streams)
        return Trial(PretendLive(), ledger)

    async def _count_opening(self, user_id: UUID) -> float:
        rate = Rate(f"streams {user_id}", self.config.limits.opens_per_minute)
        return await self.quotas.admit([rate])

    def _services(self, sessions: Sessions, hub: Hub, room: Room | None, keys: Keys) -> Services:
        config = self.config
        own = own_origins(config.server.public_url, self.entrance.urls)
        accounts = Accounts.configured(
            self.database, config.auth, self.hashing, self.quotas, mail=config.mail.on
        )
        return Services(
            accounts=accounts,
            wallet=Wallet(self.database),
            database=self.database,
            sessions=sessions,
            proxies=proxies_of(config.server),
            origins=(*config.server.origins, *own),
            own_origins=own,
            requests_per_minute=config.auth.requests_per_minute,
            requests_per_user=config.limits.requests_per_user,
            sign_ups_per_hour=config.plans.free.sign_ups_per_hour if config.plans.on else None,
            refused_domains=frozenset(config.auth.refused_domains),
            repository_url=config.server.repository_url,
            seller=config.seller,
            packages=config.packages,
            shop=self.shop,
            public_url=config.server.public_url,
            live_credit=LiveCredit(hub, CreditReader(self.database), self.quotas),
            quotas=self.quotas,
            batch=None if room is None else room.batch,
            keys=keys,
            glance=Glance(self.database, config),
            plans=UserPlans(self.database, self.membership),
            by_hand=accounts.operators,
        )

    async def _until_stopped(self, door: Door, sessions: Sessions) -> None:
        """Wait for the drain; retiring, only until the last session and request are over."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._retire, door, sessions, nursery.cancel_scope)
            await self.stop.wait()
            nursery.cancel_scope.cancel()

    async def _retire(self, door: Door, sessions: Sessions, waiting: trio.CancelScope) -> None:
        await self.retiring.wait()
        log.info("retiring", sessions=len(sessions))
        door.stop_accepting()
        # Whose app has yet to speak may still get its session.
        await door.doorstep.empty()
        await sessions.over()
        await door.requests_over()
        waiting.cancel()

    async def _drain(self, door: Door, sessions: Sessions) -> None:
        log.info("draining", sessions=len(sessions))
        door.stop_accepting()
        with trio.move_on_after(self.config.server.drain_seconds) as draining:
            await door.doorstep.clear()
            await sessions.drain()
            await door.requests_over()
        if draining.cancelled_caught:
            log.warning("drain cut short", sessions=len(sessions), unsettled=sessions.unsettled)
        elif sessions.unsettled:
            log.warning("drained, but some can't be settled", unsettled=sessions.unsettled)
        else:
            log.info("drained")


def _calm_collector() -> None:
    """Look for cyclic garbage less often: frames and results leave none.

    What was loaded by now stays for good and need not be looked through again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)


def _share_interpreter() -> None:
    """Have threads that talk to the database hand the interpreter back sooner than after 5 ms.

    A frame that comes while one computes waits for that.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
