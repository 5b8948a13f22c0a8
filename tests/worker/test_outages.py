"""The database goes away, or answers and is not heard; another worker takes over meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relayd.database.pool import Pool
from relayd.errors import DatabaseUnavailable
from relayd.jobs import claiming, returning
from relayd.jobs.ending import finish
from relayd.ledger import boots
from relayd.transcriptions.outcomes import State
from tests.fakes.files import ScriptedEngine
from tests.worker.world import World

pytestmark = pytest.mark.system


@attrs.define(eq=False)
class Flaky:
    """A database that is away for some calls, or whose answers to some are lost."""

    pool: Pool
    # How often each is refused before anything is done, and how often its answer is lost.
    refused: dict[Callable[..., Any], int] = attrs.field(factory=dict)
    lost: dict[Callable[..., Any], int] = attrs.field(factory=dict)

    @property
    def conninfo(self) -> str:
        """The pool's."""
        return self.pool.conninfo

    async def transact(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """See `Database`."""
        if self.refused.get(function, 0):
            self.refused[function] -= 1
            raise DatabaseUnavailable("it is away")
        answer = await self.pool.transact(function, *args, **kwargs)
        if self.lost.get(function, 0):
            self.lost[function] -= 1
            raise DatabaseUnavailable("the connection was lost")
        return answer

    async def probe(self) -> bool:
        """See `Database`."""
        return True


@pytest.fixture
def flaky(database: Pool) -> Flaky:
    """Well, until a test says otherwise."""
    return Flaky(database)


@pytest.fixture
def world(flaky: Flaky, tmp_path: Path) -> World:
    """A world on it."""
    return World.on(flaky, tmp_path)


async def test_a_finish_is_repeated_until_it_lands(world: World, flaky: Flaky) -> None:
    """The work is done, and is not done again because nobody could be told."""
    flaky.refused[finish] = 2
    async with world.working():
        done = await world.until(await world.submit(await world.user()), "done")
        other = await world.until(await world.submit(done.user_id), "done")

    assert (done.charged_ms, other.charged_ms) == (10_000, 10_000)
    assert len(world.engines[0].requests) == 2
    await world.check()


async def test_a_finish_that_was_not_heard(world: World, flaky: Flaky) -> None:
    """Asked again it is what it was, and its result stays."""
    flaky.lost[finish] = 1
    async with world.working():
        done = await world.until(await world.submit(await world.user()), "done")
        await world.until(await world.submit(done.user_id), "done")

    removed = await world.discarded()
    assert done.result not in removed
    await world.check()


async def test_a_claim_that_was_not_heard(world: World, flaky: Flaky) -> None:
    """Its worker finds the job as its own, gives it back uncounted, and claims it again."""
    flaky.lost[claiming.claim] = 1
    taken = await world.submit(await world.user())
    async with world.working():
        done = await world.until(taken, "done")

    assert done.charged_ms == 10_000
    await world.check()


async def test_the_work_goes_on_without_the_database(world: World, flaky: Flaky) -> None:
    """Progress that can't be told stops nothing."""
    (engine,) = world.engines
    engine.gate = trio.Event()
    async with world.working() as worker:
        taken = await world.submit(await world.user())
        await engine.begun.wait()
        flaky.refused[claiming.progress] = 1
        worker.look(taken.id)
        await wait_all_tasks_blocked(0.05)
        assert flaky.refused[claiming.progress] == 0
        engine.gate.set()
        assert (await world.until(taken, "done", "queued")).state is State.DONE
    await world.check()


async def test_a_worker_that_wakes_late(world: World) -> None:
    """Its job was done by another meanwhile: what it made is nobody's, and is removed."""
    (late,) = world.engines
    late.gate = trio.Event()
    async with world.working() as sleeper:
        taken = await world.submit(await world.user())
        await late.begun.wait()
        await world.database.transact(boots.end, sleeper.boot_id)
        world.engines = [ScriptedEngine("awake")]
        async with world.working():
            done = await world.until(taken, "done")
        late.gate.set()
        # It is refused, and claims nothing until its heartbeat has brought it back.
    assert (await world.look(taken)).transcription == done
    assert (done.engine, done.charged_ms) == ("awake", 10_000)
    await world.check()


async def test_stopped_while_the_database_is_away(world: World, flaky: Flaky) -> None:
    """It ends all the same; what it had is found by others."""
    (engine,) = world.engines
    engine.gate = trio.Event()
    flaky.refused[returning.give_back] = 10_000
    with trio.fail_after(20):
        async with world.working(drain_seconds=0) as worker:
            taken = await world.submit(await world.user())
            await engine.begun.wait()
    assert (await world.look(taken)).transcription.state is State.RUNNING
    assert worker.boot_id

    engine.gate = None
    async with world.working():
        await world.until(taken, "done")
    await world.check()
