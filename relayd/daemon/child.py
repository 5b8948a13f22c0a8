"""The serving process itself: what a supervisor starts, by `python -m relayd.daemon.child`.

It drains on SIGTERM, when it is told to, and when its supervisor is gone: nobody would settle its
sessions if it died later, nor start another one.
"""

import pickle
import signal
import socket
import sys
from functools import partial

import attrs
import trio

from relayd import logs
from relayd.config import Config
from relayd.daemon.asking import AskedQuotas
from relayd.daemon.channel import (
    Alive,
    Channel,
    Failed,
    Look,
    News,
    Reply,
    Retire,
    Started,
    Stop,
    ToProcess,
)
from relayd.daemon.entrance import Entrance, inherit_entrance
from relayd.daemon.process import Errand
from relayd.daemon.serving import Serving
from relayd.daemon.settings import edge_settings, share
from relayd.daemon.standings import shared_standings
from relayd.database.opening import open_configured
from relayd.engines.selection import choose_engine, open_engines
from relayd.errors import DatabaseUnavailable, OperatorError, first_leaf
from relayd.payments.shop import open_shop
from relayd.threads import Threads
from relayd.websocket.pump import open_pump

__all__ = ["main"]

log = logs.get(__name__)


def main() -> None:
    """Serve what standard input asks for, until told to stop."""
    errand = pickle.load(sys.stdin.buffer)  # noqa: S301 - it comes from the supervisor's own pipe
    assert isinstance(errand, Errand)
    # Ctrl-C in a terminal reaches every process of its group; the supervisor tells us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with logs.in_background(errand.config.log.level, errand.config.log.format):
        sys.exit(trio.run(_serve, errand))


async def _serve(errand: Errand) -> int:
    link = trio.socket.from_stdlib_socket(socket.socket(fileno=errand.channel))
    channel: Channel[ToProcess] = Channel(trio.SocketStream(link), ToProcess)
    child = _Child(errand, channel, AskedQuotas(channel))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child.listen)
        nursery.start_soon(child.obey_signals)
        try:
            await child.serve()
        except* (OperatorError, DatabaseUnavailable) as group:
            child.problem = str(first_leaf(group))
        if child.problem is not None:
            await channel.tell_last(Failed(child.problem))
        nursery.cancel_scope.cancel()
    return 0 if child.problem is None else 1


@attrs.define(eq=False)
class _Child:
    errand: Errand
    channel: Channel[ToProcess]
    quotas: AskedQuotas
    stop: trio.Event = attrs.field(factory=trio.Event)
    retiring: trio.Event = attrs.field(factory=trio.Event)
    # What the operator must change, where it can't serve.
    problem: str | None = None

    async def listen(self) -> None:
        """Do what the supervisor says, until it is gone."""
        await self.channel.run(self._heed)
        if not self.stop.is_set():
            log.warning("the supervisor is gone: draining")
        self.stop.set()

    async def obey_signals(self) -> None:
        """Drain on SIGTERM."""
        with trio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                self.stop.set()

    def _heed(self, message: ToProcess) -> None:
        match message:
            case Reply():
                self.quotas.heed(message)
            case Look():
                self.channel.tell(Alive())
            case Retire():
                self.retiring.set()
            case Stop():
                self.stop.set()

    async def serve(self) -> None:
        """Open everything that serving takes, and serve."""
        config = self._own_share()
        settings = edge_settings(config.server, config.limits)
        with inherit_entrance(config.server, settings, self.errand.listeners) as entrance:
            await self._serve_at(entrance, config)

    async def _serve_at(self, entrance: Entrance, config: Config) -> None:
        threads = Threads.build(database=config.database.pool_size)
        async with (
            open_configured(config.database, threads.database) as database,
            open_pump() as pump,
            shared_standings(database, len(choose_engine(config).names)) as standings,
            open_engines(config, pump, standings, self.quotas) as engine,
            open_shop(config, database) as shop,
        ):
            if shop is not None:
                shop.events.told = partial(self.channel.tell, News())
            serving = Serving(
                config,
                database,
                engine,
                shop,
                entrance,
                self.quotas,
                pump,
                threads.passwords,
                boot_id=self.errand.boot_id,
                stop=self.stop,
                retiring=self.retiring,
            )
            await serving.run(lambda: self.channel.tell(Started()))

    def _own_share(self) -> Config:
        """The configuration with this process's part of what is divided."""
        config, processes = self.errand.config, self.errand.processes
        database = attrs.evolve(
            config.database, pool_size=share(config.database.pool_size, processes)
        )
        return attrs.evolve(config, database=database)


if __name__ == "__main__":
    main()
