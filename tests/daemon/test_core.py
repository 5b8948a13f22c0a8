"""Daemons without sockets on one ledger, in virtual time."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from uuid import UUID

import attrs
import trio
from trio.testing import MockClock

from relayd.daemon.core import Core
from relayd.dialects.native import NativeDialect
from relayd.ledger.sweeper import Patience, run_sweeper
from relayd.session.ports import Ports
from relayd.session.registry import Sessions
from tests.fakes.client import FakeClient
from tests.fakes.database import BooksDatabase
from tests.fakes.ledger import FakeLedger
from tests.session.audio import frame
from tests.session.world import World

PATIENCE = Patience(sweep_seconds=10, dead_seconds=45, beat_seconds=15)


@attrs.define(eq=False)
class Host:
    """A machine with one daemon, and its own way to the database that all share."""

    world: World
    number: int
    ledger: FakeLedger = attrs.field(init=False)
    database: BooksDatabase = attrs.field(init=False)
    core: Core = attrs.field(init=False)
    _ids: Iterator[int] = attrs.field(factory=count)

    def __attrs_post_init__(self) -> None:
        books, boot_id = self.world.ledger.books, UUID(int=self.number)
        self.ledger = FakeLedger(books, boot_id=boot_id)
        self.database = BooksDatabase(books)
        sessions = Sessions(
            Ports(
                self.world,
                self.world.engine,
                self.ledger,
                new_id=lambda: UUID(int=1000 * self.number + next(self._ids)),
            ),
            self.world.limits,
            self.world.reports.append,
        )
        self.core = Core(self.database, sessions, boot_id, heartbeat_seconds=5, host="test")

    @asynccontextmanager
    async def serving(self, *, sweeping: bool = False) -> AsyncIterator[trio.Nursery]:
        """Serve one app that speaks on, until the context is left or cancelled."""
        client = FakeClient()
        client.say(type="auth", token="good-token")
        async with self.core.running(), trio.open_nursery() as nursery:
            carry = self.core.sessions.serve
            nursery.start_soon(carry, client, "192.0.2.1", NativeDialect())
            nursery.start_soon(self._speak, client)
            if sweeping:
                nursery.start_soon(run_sweeper, self.database, self.core.boot_id, PATIENCE)
            yield nursery
            nursery.cancel_scope.cancel()

    def kill(self, nursery: trio.Nursery) -> None:
        """Die without a word: whatever its tasks still try reaches nobody."""
        self.ledger.reachable = self.database.reachable = False
        nursery.cancel_scope.cancel()

    async def _speak(self, client: FakeClient) -> None:
        while True:
            await trio.sleep(0.1)
            client.speak(frame(100))


async def test_a_killed_daemon_is_settled_by_another(autojump_clock: MockClock) -> None:
    """Its session is charged what was recorded, nothing stays held, and the other's goes on."""
    world = World()
    victim, other = Host(world, 1), Host(world, 2)
    async with other.serving(sweeping=True):
        async with victim.serving() as nursery:
            await trio.sleep(20)
            victim.kill(nursery)
        assert not victim.core.farewell_said
        await trio.sleep(PATIENCE.dead_seconds + 3 * PATIENCE.sweep_seconds)

        live = world.ledger.open_sessions(world.user_id)
        assert [one.boot_id for one in live] == [other.core.boot_id]
        dead = world.ledger.books.sessions[UUID(int=1000)]
        assert dead.end_reason == "swept"
        assert 20_000 - world.limits.flush_seconds * 1000 <= dead.used_ms <= 20_000
        world.ledger.assert_balanced()
        await other.core.sessions.drain()
    world.assert_books()


async def test_a_daemon_that_ends_in_order_leaves_nothing(autojump_clock: MockClock) -> None:
    """Its sessions are settled by itself, and its end is recorded."""
    world = World()
    host = Host(world, 1)
    async with host.serving():
        await trio.sleep(3)
        await host.core.sessions.drain()
    assert host.core.farewell_said
    assert world.ledger.books.boots[host.core.boot_id].ended
    world.assert_books()
