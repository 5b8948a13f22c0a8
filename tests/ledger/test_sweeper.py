"""Who is taken for dead, and who never is."""

from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import attrs
import pytest
import trio
from trio.testing import MockClock

from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable
from relayd.ledger import boots
from relayd.ledger.boots import Pulse
from relayd.ledger.holds import Policy
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.sweeper import (
    Patience,
    Sweeper,
    register_boot,
    run_heartbeat,
    run_sweeper,
)
from relayd.session.ports import Closed, Opened, OpenRequest, Revoked
from tests.conftest import DeclaredErrors
from tests.ledger.store import Store

BOOT = uuid4()
PATIENCE = Patience(sweep_seconds=10, dead_seconds=30, beat_seconds=15)
AWAY = DatabaseUnavailable("away")

# What a look finds: a beat, an ended boot's beat, or an outage.
Look = Pulse | Exception


def beating(beats: int) -> Pulse:
    """A boot that has beaten so often."""
    return Pulse(BOOT, beats, ended=False)


@attrs.define(eq=False)
class Scripted:
    """A database in which one boot has sessions open; ``looks`` are its answers in turn."""

    looks: list[Look]
    # What a look and its answer take.
    seconds: float = 0.0
    open: list[UUID] = attrs.field(factory=lambda: [uuid4()])
    bad: set[UUID] = attrs.field(factory=set)
    buried_at: float | None = None
    # What can't be asked for.
    away: set[str] = attrs.field(factory=set)
    tried: list[UUID] = attrs.field(factory=list)
    # Who looked: the boots of the sweepers.
    own: set[UUID] = attrs.field(factory=set)

    async def transact(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer."""
        await trio.sleep(self.seconds)
        if function.__name__ in self.away:
            raise AWAY
        return getattr(self, function.__name__)(*args)

    async def probe(self) -> bool:
        """Not asked here."""
        raise NotImplementedError

    def pulses(self, own: UUID) -> list[Pulse]:
        """The one boot, while anything of it is open."""
        self.own.add(own)
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return [look] if self.open else []

    def bury(self, boot_id: UUID, beats: int) -> bool:
        """Bury it."""
        self.buried_at = trio.current_time()
        return True

    def left_open(self, boot_id: UUID) -> list[UUID]:
        """All that is open."""
        return list(self.open)

    def sweep_session(self, session_id: UUID) -> Closed | None:
        """Settle one, if that can be."""
        self.tried.append(session_id)
        if session_id in self.bad:
            raise ZeroDivisionError
        self.open.remove(session_id)
        return Closed(0, 0)


async def dies_after(
    database: Scripted, looks: int = 20, patience: Patience = PATIENCE
) -> float | None:
    """When the boot is buried, by somebody who looks every ten seconds from now on."""
    sweeper = Sweeper(database, uuid4(), patience)
    began_at = trio.current_time()
    for _ in range(looks):
        with suppress(DatabaseUnavailable):
            await sweeper.sweep()
        if database.buried_at is not None:
            return database.buried_at - began_at
        await trio.sleep(10)
    return None


async def test_still_beat_is_death_after_a_while(autojump_clock: MockClock) -> None:
    """A beat that was seen to stand still for the whole time means death."""
    assert await dies_after(Scripted([beating(7)])) == 30


async def test_moving_beat_is_life(autojump_clock: MockClock) -> None:
    """Any change starts the time anew, however old the boot is."""
    assert await dies_after(Scripted([beating(look // 3) for look in range(30)])) is None


async def test_first_look_never_kills(autojump_clock: MockClock) -> None:
    """A sweeper that just started knows nothing about anybody's age."""
    autojump_clock.jump(1_000_000)

    assert await dies_after(Scripted([beating(7)]), looks=1) is None


async def test_own_pause_counts_little(autojump_clock: MockClock) -> None:
    """Time in which the sweeper itself was stopped is not held against others."""
    database = Scripted([beating(7)])
    sweeper = Sweeper(database, uuid4(), PATIENCE)
    await sweeper.sweep()
    autojump_clock.jump(86_400)

    await sweeper.sweep()

    assert database.buried_at is None


async def test_slow_answers_count_for_nobody(autojump_clock: MockClock) -> None:
    """Time is counted from an answer to the next question: a beat may hide in a slow answer."""
    # Looks at 0, 15, 30, 45: what is surely seen is ten seconds between each two of them. Then the
    # fourth is to be answered, and the burial.
    assert await dies_after(Scripted([beating(7)], seconds=5)) == 55


async def test_ended_boot_is_dead_at_once(autojump_clock: MockClock) -> None:
    """A daemon that said it ended needs no watching."""
    assert await dies_after(Scripted([Pulse(BOOT, 7, ended=True)])) == 0


async def test_outage_of_the_database_kills_nobody(autojump_clock: MockClock) -> None:
    """While PostgreSQL is away nobody can beat: that time counts for nobody."""
    looks: list[Look] = [beating(7), AWAY, *[AWAY] * 50, beating(7), beating(8)]

    assert await dies_after(Scripted(looks), looks=54) is None


async def test_after_an_outage_there_is_time_for_a_beat(autojump_clock: MockClock) -> None:
    """A daemon that lives needs as long as its longest beat to be heard again."""
    looks: list[Look] = [*[beating(7)] * 3, AWAY, beating(7), beating(7), beating(8), beating(8)]

    assert await dies_after(Scripted(looks), looks=8) is None


async def test_one_failed_look_forgets_nobody(autojump_clock: MockClock) -> None:
    """What was seen before stays seen: a daemon that is dead is soon taken for it all the same."""
    looks: list[Look] = [beating(7), beating(7), AWAY, beating(7)]

    assert await dies_after(Scripted(list(looks))) == 50
    # To the second: what was not seen from one answer to the next counts for nothing.
    patience = attrs.evolve(PATIENCE, dead_seconds=31)
    assert await dies_after(Scripted(list(looks)), patience=patience) == 60
    # Nor does what was seen before the outage, where a beat takes longer.
    patience = attrs.evolve(PATIENCE, beat_seconds=21)
    assert await dies_after(Scripted(looks), patience=patience) == 60


async def test_a_sweep_that_failed_is_made_again(autojump_clock: MockClock) -> None:
    """At the sweeper's own pace, however long PostgreSQL is away."""
    database = Scripted([AWAY, AWAY, Pulse(BOOT, 7, ended=True)])
    own = uuid4()
    with trio.move_on_after(60):
        await run_sweeper(database, own, PATIENCE)

    assert database.buried_at == 10 + 20
    assert database.own == {own}


async def test_failed_settling_forgets_nobody(autojump_clock: MockClock) -> None:
    """Where PostgreSQL goes away between look and settling, the next look settles."""
    database = Scripted([beating(7)], away={"left_open"})
    assert await dies_after(database) == 30
    sweeper = Sweeper(database, uuid4(), PATIENCE)
    database.away = {"sweep_session"}
    for _ in range(3):
        await sweeper.sweep()
        await trio.sleep(10)
    with pytest.raises(DatabaseUnavailable):
        await sweeper.sweep()
    database.away.clear()

    assert await sweeper.sweep() == 1


async def test_only_what_was_settled_counts(autojump_clock: MockClock) -> None:
    """What another sweeper settled meanwhile is nothing that this one did."""

    class Outrun(Scripted):
        def sweep_session(self, session_id: UUID) -> Closed | None:
            return super().sweep_session(session_id) if len(self.open) > 1 else None

    database = Outrun([Pulse(BOOT, 7, ended=True)], open=[uuid4(), uuid4()])

    assert await Sweeper(database, uuid4(), PATIENCE).sweep() == 1


async def test_a_bad_row_holds_up_no_other(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """What can't be settled is logged, put off ever longer, and the rest is settled."""
    ids = [uuid4() for _ in range(3)]
    database = Scripted([Pulse(BOOT, 7, ended=True)], open=list(ids), bad={ids[1]})
    with trio.move_on_after(75):
        await run_sweeper(database, uuid4(), PATIENCE)

    assert database.open == [ids[1]]
    # At 0, 10, 30 and 70 s.
    assert database.tried == [*ids, ids[1], ids[1], ids[1]]
    for _ in range(4):
        declared_errors.expect("session can't be swept")


async def test_a_bad_boot_holds_up_no_other(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """A boot that can't be buried is logged, and the sessions of the others are settled."""
    bad = uuid4()
    left = {boot_id: [uuid4()] for boot_id in (uuid4(), bad, uuid4())}

    class ThreeBoots(Scripted):
        def pulses(self, own: UUID) -> list[Pulse]:
            return [Pulse(one, 7, ended=True) for one in left]

        def bury(self, boot_id: UUID, beats: int) -> bool:
            assert boot_id != bad
            return True

        def left_open(self, boot_id: UUID) -> list[UUID]:
            return left[boot_id]

    database = ThreeBoots([], open=[one for ids in left.values() for one in ids])
    assert await Sweeper(database, uuid4(), PATIENCE).sweep() == 2
    assert database.open == left[bad]
    declared_errors.expect("daemon can't be buried")


@attrs.define(eq=False)
class Beats:
    """A database that takes so long for a beat, or is away."""

    script: list[float | Exception]
    asked: list[float] = attrs.field(factory=list)

    async def transact(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a beat."""
        assert function is boots.beat
        assert args == (BOOT,)
        self.asked.append(trio.current_time())
        answer = self.script.pop(0) if self.script else 0.0
        if isinstance(answer, Exception):
            raise answer
        await trio.sleep(answer)

    async def probe(self) -> bool:
        """Not asked here."""
        raise NotImplementedError


async def test_beats_from_asking_to_asking(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """A slow beat delays the next one by nothing; one that failed is tried again soon."""
    database = Beats([0.0, 3.0, 7.0, AWAY, AWAY, ZeroDivisionError()])
    with trio.move_on_after(32):
        await run_heartbeat(database, BOOT, 5)

    assert database.asked == [0, 5, 10, 17, 18, 20, 24, 29]
    declared_errors.expect("background work failed")


@pytest.mark.parametrize(
    ("heartbeat_seconds", "asked"), [(5, [0, 1, 3, 7, 12, 17]), (0.25, [0, 0.25, 0.5, 0.75])]
)
async def test_an_outage_is_beaten_against_at_the_pace_of_beats(
    autojump_clock: MockClock, heartbeat_seconds: float, asked: list[float]
) -> None:
    """Soon after it began, and never more rarely than a daemon beats that got through."""
    database = Beats([AWAY] * len(asked))
    with trio.move_on_after(asked[-1] + 0.1):
        await run_heartbeat(database, BOOT, heartbeat_seconds)

    assert database.asked == asked


@pytest.mark.parametrize("ended", [False, True])
async def test_a_death_is_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, ended: bool
) -> None:
    """A daemon that died without a word is a warning; one that said that it ended is none."""
    await dies_after(Scripted([Pulse(BOOT, 7, ended=ended)]))

    assert caplog.messages.count("daemon taken for dead") == (not ended)


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
    reaper = Sweeper(database, uuid4(), Patience(0, 0, 0))

    assert await reaper.sweep() == 1
    assert await reaper.sweep() == 0
    assert await ledger.balance_ms(request.principal.user_id) == 96_000
    assert await ledger.renew(request.session_id, 5000, 5000) is Revoked.SESSION_SETTLED


@pytest.mark.system
async def test_never_judges_itself(database: Database) -> None:
    """A daemon's own sessions are not its sweeper's to settle."""
    ledger, _ = await _session(database, 4000)

    assert await Sweeper(database, ledger.boot_id, Patience(0, 0, 0)).sweep() == 0


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
