"""Who is taken for dead, and who never is."""

from typing import Any, cast
from uuid import uuid4

import pytest
from trio.testing import MockClock

from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable
from relayd.ledger import boots
from relayd.ledger.boots import Pulse
from relayd.ledger.holds import Policy
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.sweeper import Sweeper, register_boot
from relayd.session.ports import Opened, OpenRequest, Revoked
from tests.ledger.store import Store

BOOT = uuid4()


class Unreachable:
    """A database that is away."""

    async def transact(self, *arguments: object) -> Any:
        """Refuse."""
        raise DatabaseUnavailable("away")


def sweeper(database: object = None) -> Sweeper:
    """It looks every 10 s, and takes a boot for dead after 30."""
    return Sweeper(cast("Database", database), uuid4(), 10, 30)


def dies_at(watcher: Sweeper, clock: MockClock, beats: list[int]) -> int | None:
    """The look, counted from 0 and 10 s apart, at which the boot counts as dead."""
    for look, beat in enumerate(beats):
        if watcher._observe([Pulse(BOOT, beat, ended=False)]):
            return look
        clock.jump(10)
    return None


async def test_still_beat_is_death_after_a_while(mock_clock: MockClock) -> None:
    """A beat that was seen to stand still for the whole time means death."""
    assert dies_at(sweeper(), mock_clock, [7] * 10) == 3


async def test_moving_beat_is_life(mock_clock: MockClock) -> None:
    """Any change starts the time anew, however old the boot is."""
    assert dies_at(sweeper(), mock_clock, [7, 7, 7, 8, 8, 8, 9, 9, 9]) is None


async def test_first_look_never_kills(mock_clock: MockClock) -> None:
    """A sweeper that just started knows nothing about anybody's age."""
    mock_clock.jump(1_000_000)

    assert dies_at(sweeper(), mock_clock, [7]) is None


async def test_own_pause_counts_little(mock_clock: MockClock) -> None:
    """Time in which the sweeper itself was stopped is not held against others."""
    watcher = sweeper()
    watcher._observe([Pulse(BOOT, 7, ended=False)])
    mock_clock.jump(86_400)

    assert watcher._observe([Pulse(BOOT, 7, ended=False)]) == []


async def test_ended_boot_is_dead_at_once(mock_clock: MockClock) -> None:
    """A daemon that said it ended needs no watching."""
    pulse = Pulse(BOOT, 7, ended=True)

    assert sweeper()._observe([pulse]) == [pulse]


async def test_outage_of_the_database_kills_nobody(mock_clock: MockClock) -> None:
    """While PostgreSQL is away nobody can beat, so what was seen before is forgotten."""
    watcher = sweeper(Unreachable())
    watcher._observe([Pulse(BOOT, 7, ended=False)])
    mock_clock.jump(20)
    watcher._observe([Pulse(BOOT, 7, ended=False)])

    with pytest.raises(DatabaseUnavailable):
        await watcher.sweep()

    mock_clock.jump(10)
    assert watcher._observe([Pulse(BOOT, 7, ended=False)]) == []


async def _session(database: Database, used_ms: int) -> tuple[PostgresLedger, OpenRequest]:
    """A daemon with one session that recorded so much."""
    who = await database.transact(lambda connection: Store(connection).add_user(100_000))
    ledger = PostgresLedger(database, uuid4(), Policy())
    await register_boot(database, ledger.boot_id, "test")
    request = OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")
    assert isinstance(await ledger.open(request), Opened)
    await ledger.renew(request.session_id, used_ms, 30_000)
    return ledger, request


@pytest.mark.system
async def test_settles_the_sessions_of_a_dead_boot(database: Database) -> None:
    """They are charged what they recorded, the rest is given back, and only once."""
    ledger, request = await _session(database, 4000)
    reaper = Sweeper(database, uuid4(), 0, 0)

    assert await reaper.sweep() == 1
    assert await reaper.sweep() == 0
    assert await ledger.balance_ms(request.principal.user_id) == 96_000
    assert await ledger.renew(request.session_id, 5000, 5000) is Revoked.SESSION_SETTLED


@pytest.mark.system
async def test_never_judges_itself(database: Database) -> None:
    """A daemon's own sessions are not its sweeper's to settle."""
    ledger, _ = await _session(database, 4000)

    assert await Sweeper(database, ledger.boot_id, 0, 0).sweep() == 0


@pytest.mark.system
async def test_a_beat_at_the_last_moment_saves(database: Database) -> None:
    """A boot that beats between the look and the burial is not buried."""
    ledger, _ = await _session(database, 4000)
    (pulse,) = await database.transact(boots.pulses, uuid4())
    await database.transact(boots.beat, ledger.boot_id)

    assert await database.transact(boots.bury, pulse.boot_id, pulse.beats) is False


@pytest.mark.system
async def test_returned_boot_keeps_its_sessions(database: Database) -> None:
    """A daemon taken for dead that beats again is alive: nothing more of it is swept."""
    ledger, request = await _session(database, 4000)

    def bury_and_return(connection: Connection) -> None:
        boots.end(connection, ledger.boot_id)
        boots.beat(connection, ledger.boot_id)

    await database.transact(bury_and_return)

    assert await database.transact(lambda connection: Store(connection).sweep()) == 0
    assert await ledger.renew(request.session_id, 5000, 30_000) is not Revoked.SESSION_SETTLED
