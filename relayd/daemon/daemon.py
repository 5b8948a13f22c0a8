"""The daemon: everything opened in order, served, drained, and closed in the opposite order.

    signals
    └─ entrance: certificate, listening sockets
       └─ database (embedded or not) ─ migrations
          └─ engine
             └─ background: heartbeat, sweeper, late settling, pruning
                └─ door ─ HTTP, and sessions on their WebSockets

The first SIGTERM or SIGINT drains: no new connections, every session ended in order and
settled, then out. A second one doesn't wait for last words; the money is settled all the same.
"""

import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID, uuid4

import attrs
import trio

from relayd import logs
from relayd.accounts.accounts import Accounts
from relayd.accounts.passwords import Passwords
from relayd.accounts.tokens import AccessTokens
from relayd.config import Config
from relayd.daemon.background import prune
from relayd.daemon.entrance import Entrance, open_entrance
from relayd.daemon.session_log import log_end
from relayd.daemon.settings import edge_settings, session_limits
from relayd.database import migrate
from relayd.database.opening import open_configured
from relayd.database.pool import Pool
from relayd.database.ports import Database
from relayd.edge.door import Door, serve
from relayd.engines.selection import open_engine
from relayd.errors import DatabaseUnavailable
from relayd.events.credit import CreditReader
from relayd.events.hub import Hub
from relayd.events.listener import listen
from relayd.events.live import LiveCredit
from relayd.ledger import sweeper
from relayd.ledger.postgres import Policy, PostgresLedger
from relayd.ledger.renewals import pause_within
from relayd.ledger.succession import Seat, succeed
from relayd.ledger.wallet import Wallet
from relayd.payments.margins import margins, refuse_losses
from relayd.payments.shop import Shop, open_shop
from relayd.quotas.counters import Counters
from relayd.routes.app import create_app
from relayd.routes.origins import own_origins
from relayd.routes.wiring import Services
from relayd.session.registry import Sessions
from relayd.session.session import Ports
from relayd.speech.engine import Engine
from relayd.threads import Threads

if TYPE_CHECKING:
    from relayd.edge.asgi import App

__all__ = ["run"]

log = logs.get(__name__)

# New objects between two looks for cyclic garbage: some 10 MiB at most wait for one. With Python's
# 700, every sixth frame paid for a look.
GARBAGE_OBJECTS: Final = 20_000
# For the last word to the database at the end; without it another daemon finds out by itself.
FAREWELL_SECONDS: Final = 5


async def run(
    config: Config, *, started: Callable[[str], None], stop: trio.Event | None = None
) -> None:
    """Serve until a signal, or until ``stop`` is set where the caller handles signals.

    ``started`` is called once with ``relayd listening on URL …``. Raises OperatorError or
    DatabaseUnavailable when it can't start.
    """
    async with trio.open_nursery() as nursery:
        daemon = Daemon(config, started, trio.Event() if stop is None else stop)
        if stop is None:
            nursery.start_soon(_obey_signals, daemon, nursery.cancel_scope)
        await daemon.run()
        nursery.cancel_scope.cancel()


async def _obey_signals(daemon: "Daemon", everything: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("signal received", signal=signal.Signals(number).name)
            if daemon.stop.is_set() or not daemon.serving:
                everything.cancel()
            daemon.stop.set()


@attrs.define(eq=False)
class Daemon:
    """One run of the program on one configuration."""

    config: Config
    started: Callable[[str], None]
    stop: trio.Event
    boot_id: UUID = attrs.field(factory=uuid4)
    serving: bool = False

    async def run(self) -> None:
        """Open everything, serve, close everything."""
        refuse_losses(self.config.packages, self.config.costs)
        server, limits = self.config.server, self.config.limits
        threads = Threads.build(database=self.config.database.pool_size)
        async with (
            open_entrance(server, edge_settings(server, limits)) as entrance,
            open_configured(self.config.database, threads.database, watched=True) as database,
            open_engine(self.config.default_engine, self.config.engines) as engine,
        ):
            for name in await database.transact(migrate.apply):
                log.info("migration applied", name=name)
            log.info(
                "engine chosen",
                engine=engine.name,
                reason=self.config.default_engine_reason,
            )
            self._show_packages()
            async with (
                self._registered(database),
                open_shop(self.config.stripe, self.config.packages, database) as shop,
            ):
                await self._serve(database, engine, threads, shop, entrance)

    def _show_packages(self) -> None:
        log.info("sales", on=self.config.stripe.sales)
        if not self.config.stripe.sales:
            return
        for margin in margins(self.config.packages, self.config.costs):
            tell = log.warning if margin.losing else log.info
            tell("package for sale", package=margin.package.id, margin=margin)

    @asynccontextmanager
    async def _registered(self, database: Database) -> AsyncIterator[None]:
        """Have this boot in the database, so that its sessions have an owner."""
        with succeed(self.config.database.data_directory) as seat:
            if seat.predecessor is not None:
                log.warning("the daemon before this one died, its sessions will be settled")
                await sweeper.end_boot(database, seat.predecessor)
            await sweeper.register_boot(database, self.boot_id, socket.gethostname())
            seat.take(self.boot_id)
            try:
                yield
            finally:
                with trio.move_on_after(FAREWELL_SECONDS, shield=True):
                    await self._say_goodbye(database, seat)

    async def _say_goodbye(self, database: Database, seat: Seat) -> None:
        try:
            await sweeper.end_boot(database, self.boot_id)
        except DatabaseUnavailable as error:
            log.warning("the end of this daemon could not be recorded", problem=str(error))
        else:
            seat.leave()

    async def _serve(
        self,
        database: Pool,
        engine: Engine,
        threads: Threads,
        shop: Shop | None,
        entrance: Entrance,
    ) -> None:
        config = self.config
        tokens = AccessTokens(config.auth.secret.reveal().encode(), config.auth.access_minutes)
        passwords = Passwords(config.auth.pepper.reveal().encode(), threads.passwords)
        accounts = Accounts(database, passwords, tokens, config.auth.refresh_days)
        policy = Policy(config.metering.hold_seconds * 1000, config.limits.streams_per_user)
        pause_seconds = pause_within(config.metering.flush_seconds)
        ledger = PostgresLedger(database, self.boot_id, policy, pause_seconds)
        limits = session_limits(config.limits, config.metering)
        sessions = Sessions(Ports(tokens, engine, ledger), limits, log_end)
        hub = Hub()
        quotas = Counters()
        own = own_origins(config.server.public_url, entrance.urls)
        services = Services(
            accounts=accounts,
            wallet=Wallet(database),
            database=database,
            sessions=sessions,
            trusted_proxies=config.server.trusted_proxies,
            origins=(*config.server.origins, *own),
            own_origins=own,
            requests_per_minute=config.auth.requests_per_minute,
            repository_url=config.server.repository_url,
            packages=config.packages,
            shop=shop,
            public_url=config.server.public_url,
            live_credit=LiveCredit(hub, CreditReader(database), quotas),
            quotas=quotas,
        )
        # Quart's types name every ASGI event, the edge takes them as plain mappings.
        app = cast("App", create_app(services))
        async with trio.open_nursery() as background:
            background.start_soon(self._beat, database)
            background.start_soon(self._sweep, database)
            background.start_soon(sessions.settle_late)
            background.start_soon(prune, accounts, database)
            background.start_soon(listen, database.conninfo, hub)
            if shop is not None:
                background.start_soon(shop.run)
            async with trio.open_nursery() as door_nursery:
                door: Door = await door_nursery.start(
                    partial(
                        serve,
                        app,
                        entrance.settings,
                        entrance.listeners,
                        tls=entrance.tls,
                        quotas=quotas,
                    )
                )
                _calm_collector()
                self.serving = True
                self.started(f"relayd listening on {' '.join(entrance.urls)}")
                await self.stop.wait()
                hub.close()
                await self._drain(door, sessions)
                door_nursery.cancel_scope.cancel()
            background.cancel_scope.cancel()

    async def _drain(self, door: Door, sessions: Sessions) -> None:
        log.info("draining", sessions=len(sessions))
        door.stop_accepting()
        with trio.move_on_after(self.config.server.drain_seconds) as draining:
            await sessions.drain()
            await door.requests_over()
        if draining.cancelled_caught:
            log.warning("drain cut short", sessions=len(sessions), unsettled=sessions.unsettled)
        else:
            log.info("drained")

    async def _beat(self, database: Database) -> None:
        await sweeper.run_heartbeat(database, self.boot_id, self.config.metering.heartbeat_seconds)

    async def _sweep(self, database: Database) -> None:
        await sweeper.run_sweeper(
            database,
            self.boot_id,
            sweep_seconds=self.config.metering.sweep_seconds,
            dead_seconds=self.config.metering.dead_seconds,
        )


def _calm_collector() -> None:
    """Look for cyclic garbage less often: frames and results leave none.

    What was loaded by now stays for good and need not be looked through again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)
