"""The daemon: everything opened in order, served, drained, and closed in the opposite order.

    signals
    └─ entrance: certificate, listening sockets
       └─ database (embedded or not) ─ schema ─ seat
          ├─ worker: recordings, where [batch] workers says so
          └─ keeping: sweeper, pruning, payments
             └─ one process: serving           several: a supervisor of as many that serve

The first SIGTERM or SIGINT drains: no new connections, every session ended in order and
settled, then out. A second one doesn't wait for last words; the money is settled all the same.
SIGHUP replaces the serving processes, where there are several.
"""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from relayd import logs
from relayd.accounts.accounts import Accounts
from relayd.checks import Finding, certificate, exposure, storage
from relayd.config import Config
from relayd.daemon import working
from relayd.daemon.control import run_control
from relayd.daemon.entrance import Entrance, open_entrance
from relayd.daemon.keeping import Keeping, migrate_schema
from relayd.daemon.notify import Manager
from relayd.daemon.serving import Serving
from relayd.daemon.settings import CONNECTIONS_MIN, edge_settings, processes_of
from relayd.daemon.standings import shared_standings
from relayd.daemon.supervisor import Supervisor
from relayd.database.opening import open_configured
from relayd.database.pool import Pool
from relayd.engines.selection import choose_engine, models_for_sale, open_engines
from relayd.errors import OperatorError
from relayd.ledger import sweeper
from relayd.ledger.succession import Seat, succeed
from relayd.payments.selling.margins import refuse_losses
from relayd.payments.selling.prices import refuse_wrong_prices
from relayd.payments.shop import Shop, open_shop
from relayd.quotas.counters import Counters
from relayd.threads import Threads
from relayd.websocket.pump import open_pump

__all__ = ["run"]

log = logs.get(__name__)

RELOAD_TAKES: Final = "a reload takes server.processes of 2 or more: restart instead"


async def run(
    config: Config,
    *,
    started: Callable[[str], None],
    stop: trio.Event | None = None,
    reread: Callable[[], Config] | None = None,
) -> None:
    """Serve until a signal, or until ``stop`` is set where the caller handles signals.

    ``started`` is called once with ``relayd listening on URL …``; ``reread`` reads the
    configuration anew for a reload. Raises OperatorError or DatabaseUnavailable when it can't
    start.
    """
    async with trio.open_nursery() as nursery:
        daemon = Daemon(config, started, reread, trio.Event() if stop is None else stop)
        if stop is None:
            nursery.start_soon(_obey_signals, daemon, nursery.cancel_scope)
        await daemon.run()
        nursery.cancel_scope.cancel()


async def _obey_signals(daemon: "Daemon", everything: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            log.info("signal received", signal=signal.Signals(number).name)
            if number == signal.SIGHUP:
                daemon.begin_reload()
                continue
            if daemon.stop.is_set() or not daemon.serving:
                everything.cancel()
            daemon.stop.set()


@attrs.define(eq=False)
class Daemon:
    """One run of the program on one configuration."""

    config: Config
    started: Callable[[str], None]
    reread: Callable[[], Config] | None
    stop: trio.Event
    serving: bool = False
    manager: Manager = attrs.field(factory=Manager)
    # Where several processes serve: replaces them.
    _reload: Callable[[], Awaitable[str]] | None = None
    _nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Open everything, serve, close everything."""
        config = self.config
        refuse_losses(config.packages, models_for_sale(config), config.costs)
        _warn((*exposure.judge(config, os.environ), storage.judge(config)))
        alone = processes_of(config) == 1
        connections = config.database.pool_size if alone else CONNECTIONS_MIN
        threads = Threads.build(database=connections)
        settings = attrs.evolve(config.database, pool_size=connections)
        async with (
            open_entrance(config.server, edge_settings(config.server, config.limits)) as entrance,
            open_configured(settings, threads.database, watched=True) as database,
        ):
            # One that can't be served at all was refused by now.
            _warn(certificate.judge(config.server))
            await migrate_schema(database)
            choice = choose_engine(config)
            log.info("engine chosen", engine=str(choice), reason=choice.reason)
            async with (
                self._seated(database) as seat,
                open_shop(config, database) as shop,
                working.beside(config, database, self.stop),
                trio.open_nursery() as nursery,
            ):
                if shop is not None:
                    await refuse_wrong_prices(shop.stripe, shop.plans)
                self._nursery = nursery
                serve = self._serve_alone if alone else self._supervise
                await serve(entrance, database, shop, threads, seat)
                nursery.cancel_scope.cancel()

    def begin_reload(self) -> None:
        """Replace the serving processes, in the background."""
        if self._reload is None or self._nursery is None:
            log.warning(RELOAD_TAKES)
        else:
            self._nursery.start_soon(self._reload_and_tell)

    async def _reload_and_tell(self) -> None:
        assert self._reload is not None
        try:
            await self._reload()
        except OperatorError as problem:
            log.warning("not reloaded", problem=str(problem))

    async def _serve_alone(
        self, entrance: Entrance, database: Pool, shop: Shop | None, threads: Threads, seat: Seat
    ) -> None:
        config, counters = self.config, Counters()
        engines = len(choose_engine(config).names)
        async with (
            open_pump() as pump,
            shared_standings(database, engines) as standings,
            open_engines(config, pump, standings, counters) as engine,
            trio.open_nursery() as nursery,
        ):
            serving = Serving(
                config,
                database,
                engine,
                shop,
                entrance,
                counters,
                pump,
                threads.passwords,
                stop=self.stop,
            )
            seat.take([serving.boot_id])
            accounts = Accounts.configured(database, config.auth, threads.passwords, counters)
            keeping = Keeping(config, database, accounts, shop, serving.boot_id)
            nursery.start_soon(keeping.run)
            nursery.start_soon(self.manager.tell_alive)
            await serving.run(lambda: self._on_started(entrance))
            nursery.cancel_scope.cancel()
        if serving.farewell_said:
            seat.leave()

    async def _supervise(
        self, entrance: Entrance, database: Pool, shop: Shop | None, threads: Threads, seat: Seat
    ) -> None:
        config, counters = self.config, Counters()
        accounts = Accounts.configured(database, config.auth, threads.passwords, counters)
        keeping = Keeping(config, database, accounts, shop)
        supervisor = Supervisor(
            config, entrance, keeping, seat, self.manager, self.stop, self.reread, counters
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeping.run)
            nursery.start_soon(run_control, config, supervisor.reload)
            self._reload = supervisor.reload
            await supervisor.run(lambda: self._on_started(entrance))
            nursery.cancel_scope.cancel()

    def _on_started(self, entrance: Entrance) -> None:
        self.serving = True
        line = f"relayd listening on {' '.join(entrance.urls)}"
        self.manager.ready(line)
        self.started(line)

    @asynccontextmanager
    async def _seated(self, database: Pool) -> AsyncIterator[Seat]:
        """Have this data directory's seat; who died in it is settled soon."""
        with succeed(self.config.database.data_directory) as seat:
            if seat.predecessors:
                log.warning("the daemon before this one died, its sessions will be settled")
            for boot_id in seat.predecessors:
                await sweeper.end_boot(database, boot_id)
            yield seat


def _warn(findings: Iterable[Finding]) -> None:
    for finding in findings:
        if not finding.well:
            log.warning("configuration", problem=finding.detail, remedy=finding.remedy)
