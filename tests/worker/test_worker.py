"""What a worker does with recordings, on a real queue."""

import pytest
import trio

from relayd.errors import EngineBusy, EngineFailed, EngineOff, Unreadable
from relayd.transcriptions import results
from relayd.transcriptions.outcomes import Shown, State
from tests.conftest import DeclaredErrors
from tests.fakes.files import ScriptedEngine
from tests.worker.world import World

pytestmark = pytest.mark.system


async def test_from_hand_in_to_result(world: World) -> None:
    """A recording that is handed in is transcribed, charged, and its audio given up."""
    async with world.working():
        taken = await world.submit(await world.user(), 10_500, language="en", other=1)
        done = await world.until(taken, "done")

    assert (done.shown, done.charged_ms, done.source) == (Shown.COMPLETED, 10_500, None)
    assert done.result is not None
    document = results.decode(await world.store.read(done.result))
    assert (document.text, document.duration_ms) == ("scripted", 10_500)
    (request,) = world.engines[0].requests
    assert (request.model, request.language) == ("any", "en")


async def test_a_test_is_pretended_for_nothing(world: World) -> None:
    """The engine that pretends does it, beside those that would cost something."""
    world.engines.append(ScriptedEngine("pretend"))
    async with world.working():
        taken = await world.submit(await world.user(), 10_500, test=True)
        done = await world.until(taken, "done")

    assert (done.engine, done.hold_ms, done.charged_ms) == ("pretend", 0, 0)
    assert world.engines[0].requests == []


async def test_begins_as_soon_as_it_is_told(world: World) -> None:
    """An idle worker needs no look of its own: it sleeps for longer than this waits."""
    async with world.working():
        # It has found nothing and sleeps.
        first = await world.submit(await world.user())
        await world.until(first, "done")
        began = trio.current_time()
        taken = await world.submit(first.user_id)
        await world.until(taken, "done")

    assert trio.current_time() - began < 4


async def test_long_recordings_in_parts(world: World) -> None:
    """Parts are transcribed at once in free slots, and joined in their order."""
    (engine,) = world.engines
    engine.part_seconds_max = 10
    engine.gate, engine.opens_at = trio.Event(), 3
    async with world.working(slots=3):
        taken = await world.submit(await world.user(), 45_000)
        done = await world.until(taken, "done")

    assert engine.busiest == 3
    assert done.result is not None
    document = results.decode(await world.store.read(done.result))
    assert [one.start_ms for one in document.segments] == [0, 10_000, 20_000, 30_000, 40_000]
    assert (document.duration_ms, done.charged_ms) == (45_000, 45_000)


async def test_cancelled_while_it_runs(world: World) -> None:
    """The engine is stopped at once, and what it had transcribed is charged."""
    (engine,) = world.engines
    engine.gate = trio.Event()
    async with world.working():
        taken = await world.submit(await world.user())
        await engine.begun.wait()
        await world.service.cancel(taken.user_id, taken.id)
        cancelled = await world.until(taken, "cancelled")

    assert (cancelled.charged_ms, engine.busy) == (5000, 0)


async def test_credit_that_is_frozen_meanwhile(world: World) -> None:
    """A disputed payment ends what runs, charged as far as it came; what waits is done later."""
    (engine,) = world.engines
    engine.gate = trio.Event()
    async with world.working():
        running = await world.submit(await world.user())
        await engine.begun.wait()
        waiting = await world.submit(running.user_id)
        await world.act("freeze", running.user_id)
        ended = await world.until(running, "failed")
        engine.gate.set()
        assert (await world.look(waiting)).transcription.state.value == "queued"
        await world.act("thaw", running.user_id)
        done = await world.until(waiting, "done")

    assert (ended.charged_ms, ended.reason, done.charged_ms) == (5000, "credit_frozen", 10_000)


async def test_an_engine_that_fails(world: World) -> None:
    """Its failure is an attempt; the next one may succeed."""
    world.engines[0].faults = [EngineFailed("it crashed"), EngineFailed("and again")]
    async with world.working():
        done = await world.until(await world.submit(await world.user()), "done", "failed")

    assert done.state is State.DONE


async def test_the_next_engine_after_a_failure(world: World) -> None:
    """Another attempt begins with another engine, where there is one that can do it."""
    failing, unable, other = world.engines = [
        ScriptedEngine("failing", faults=[EngineFailed("it crashed")]),
        ScriptedEngine("unable", refuses=True),
        ScriptedEngine("other"),
    ]
    async with world.working():
        done = await world.until(await world.submit(await world.user()), "done", "failed")

    assert (done.engine, len(failing.requests), unable.requests) == ("other", 1, [])
    assert other.requests


async def test_a_recording_at_fault(world: World) -> None:
    """It fails at once with the reason, and costs nothing."""
    world.decoder.fault = Unreadable("no_audio", "There is no sound in this file.")
    async with world.working():
        failed = await world.until(await world.submit(await world.user()), "failed")

    assert (failed.reason, failed.charged_ms) == ("no_audio", 0)
    assert failed.problem == "There is no sound in this file."


async def test_a_busy_engine_is_left_alone(world: World) -> None:
    """The next one takes the recording, and the busy one is asked by nobody meanwhile."""
    busy, other = world.engines = [ScriptedEngine("busy"), ScriptedEngine("other")]
    busy.faults = [EngineBusy("429", retry_seconds=600)]
    user_id = await world.user()
    async with world.working():
        first = await world.until(await world.submit(user_id), "done")
        second = await world.until(await world.submit(user_id), "done")

    assert (first.engine, second.engine) == ("other", "other")
    assert (len(busy.requests), len(other.requests)) == (1, 2)


async def test_jobs_wait_for_an_engine_that_is_off(
    world: World, declared_errors: DeclaredErrors
) -> None:
    """A bill that isn't paid is the operator's: he is told, and no attempt is counted."""
    world.engines[0].faults = [EngineOff("402: no credit")]
    async with world.working():
        taken = await world.submit(await world.user())
        await world.engines[0].begun.wait()
        waiting = await world.until(taken, "queued")
    declared_errors.expect("engine left alone")

    row = await world.database.transact(
        lambda connection: connection.execute(
            "SELECT failures, delayed FROM transcriptions WHERE id = %s", (waiting.id,)
        ).fetchone()
    )
    assert row == (0, True)


async def test_the_store_is_away(world: World) -> None:
    """Nothing is charged or counted; the recording waits."""
    async with world.working():
        user_id = await world.user()
        world.engines[0].gate = trio.Event()
        taken = await world.submit(user_id)
        await world.engines[0].begun.wait()
        world.store.away = True
        world.engines[0].gate.set()
        await world.until(taken, "queued")
        world.store.away = False

    assert (await world.look(taken)).transcription.charged_ms is None


async def test_a_fault_of_ours_is_one_jobs(world: World, declared_errors: DeclaredErrors) -> None:
    """The worker goes on; the job is tried again."""
    world.engines[0].faults = [ZeroDivisionError("ours")]
    async with world.working():
        await world.until(await world.submit(await world.user()), "done")
    declared_errors.expect("attempt failed")


async def test_a_model_that_is_gone(world: World) -> None:
    """What no engine has any more fails with a reason."""
    async with world.working():
        failed = await world.until(await world.submit(await world.user(), model="gone"), "failed")

    assert failed.reason == "not_offered"


async def test_stopped_in_order(world: World) -> None:
    """What isn't done within the drain is given back, uncounted, and the next worker has it."""
    (engine,) = world.engines
    engine.gate = trio.Event()
    async with world.working(drain_seconds=0):
        taken = await world.submit(await world.user())
        await engine.begun.wait()
    assert (await world.look(taken)).transcription.state is State.QUEUED

    engine.gate = None
    async with world.working():
        assert (await world.until(taken, "done")).charged_ms == 10_000


async def test_users_share_the_workers(world: World) -> None:
    """However many one of them hands in, the other's come in turn."""
    many, few = await world.user(), await world.user()
    for _ in range(6):
        await world.submit(many)
    (_, last) = [await world.submit(few) for _ in range(2)]
    async with world.working():
        served = await world.until(last, "done")
    page = await world.service.page(many, world.done)

    assert served.started_at is not None
    starts = [one.started_at for one in page.transcriptions]
    assert 1 <= sum(one is not None and one < served.started_at for one in starts) <= 2
