"""Files through processes of this machine: warm ones, killed ones, broken ones."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from relayd.engines.local.files import FileModel, LocalFiles
from relayd.engines.local.slots import Slots, open_slots
from relayd.errors import EngineBusy, EngineFailed, EngineOff, FileEngineError
from relayd.speech.document import Segment
from relayd.speech.files import FileRequest

# Stands for a model: says its process's number and whatever the order has for a prompt.
CHILD = """
import os, sys, time
from relayd.engines.local import transcriber
from relayd.engines.local.transcriber import Heard
from relayd.speech.document import Segment

class Model:
    def transcribe(self, order, found, reached):
        {}
        reached(500)
        found(Segment(str(os.getpid()), 0, 500))
        return Heard(1000, order.language)

def load():
    {}
    return Model()

sys.exit(transcriber.main(load))
"""
AUDIO = Path("sound.wav")


def model(hears: str = "pass", loads: str = "pass", name: str = "one") -> FileModel:
    """A model that runs these statements; of one language."""
    return FileModel(name, (sys.executable, "-c", CHILD.format(hears, loads), name), ("en",))


@pytest.fixture
async def slots() -> AsyncIterator[Slots]:
    """One slot."""
    async with open_slots(1, open_seconds=10) as opened:
        yield opened


def engine(slots: Slots, *models: FileModel, stall_seconds: float = 10) -> LocalFiles:
    """An engine with these models in the slots."""
    return LocalFiles("local", {one.name: one for one in models}, slots, 600, stall_seconds)


async def pid(local: LocalFiles, name: str = "one") -> int:
    """Transcribe a file, and return which process did it."""
    found = await local.transcribe(AUDIO, FileRequest(name), lambda _: None)
    return int(found.text)


def runs(process: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_file_becomes_a_document(slots: Slots) -> None:
    """With its segments, how far it was on the way, and the only language that the model knows."""
    reached: list[int] = []
    local = engine(slots, model())
    found = await local.transcribe(AUDIO, FileRequest("one"), reached.append)
    assert (found.engine, found.model, found.language) == ("local", "one", "en")
    assert found.duration_ms == 1_000
    assert found.segments == (Segment(found.text, 0, 500),)
    assert reached == [500]


async def test_a_process_stays_warm(slots: Slots) -> None:
    """The model is loaded once for several files, and the process ends with its slots."""
    local = engine(slots, model())
    first = await pid(local)
    assert await pid(local) == first
    await slots.close()
    assert not runs(first)


async def test_another_model_takes_the_slot(slots: Slots) -> None:
    """There are never more processes than slots."""
    local = engine(slots, model(), model(name="two"))
    first = await pid(local)
    second = await pid(local, "two")
    assert not runs(first)
    assert runs(second)


async def test_files_wait_for_a_slot(slots: Slots) -> None:
    """The second is heard by the same process, after the first."""
    local, found = engine(slots, model()), []

    async def hear() -> None:
        found.append(await pid(local))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear)
        nursery.start_soon(hear)
    assert found[0] == found[1]


async def test_cancelling_kills_the_process(slots: Slots, tmp_path: Path) -> None:
    """At once, whatever it does; the slot is free again."""
    said = tmp_path / "pid"
    os.mkfifo(said)
    local = engine(
        slots,
        model(f"open({str(said)!r}, 'w').write(str(os.getpid())); time.sleep(60)"),
        model(name="two"),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pid, local)
        busy = int(await trio.to_thread.run_sync(said.read_text))
        nursery.cancel_scope.cancel()
    assert not runs(busy)
    assert runs(await pid(local, "two"))


@pytest.mark.parametrize(
    ("hears", "kind", "told"),
    [
        ("os.kill(os.getpid(), 11)", EngineFailed, "signal 11"),
        ("1 / 0", EngineFailed, "ZeroDivisionError"),
        ("time.sleep(60)", EngineFailed, "stall_seconds"),
    ],
    ids=["crash", "exception", "stall"],
)
async def test_what_goes_wrong_costs_an_attempt(
    slots: Slots, hears: str, kind: type[FileEngineError], told: str
) -> None:
    """It is told to the operator, and the next file gets another process."""
    local = engine(slots, model(hears), model(name="two"), stall_seconds=0.5)
    with pytest.raises(kind, match=told):
        await pid(local)
    assert runs(await pid(attuned(local), "two"))


def attuned(local: LocalFiles) -> LocalFiles:
    """The same with time enough for a busy machine."""
    local._stall_seconds = 10
    return local


async def test_a_model_that_cannot_be_loaded_is_off(slots: Slots) -> None:
    """Another attempt would fail alike: the operator must look."""
    with pytest.raises(EngineOff, match="FileNotFoundError"):
        await pid(engine(slots, model(loads="open('/nothing')")))


async def test_a_machine_without_processes_is_busy(slots: Slots) -> None:
    """It may have some soon."""
    with pytest.raises(EngineBusy):
        await pid(engine(slots, FileModel("one", ("/no/such/program",), ("en",))))


async def test_a_slow_start_is_busy() -> None:
    """The machine may have more time later."""
    async with open_slots(1, open_seconds=0.3) as slots:
        with pytest.raises(EngineBusy, match="open_seconds"):
            await pid(engine(slots, model(loads="time.sleep(60)")))


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (FileRequest("other"), "model"),
        (FileRequest("one", language="de-AT"), "language"),
        (FileRequest("one", diarise=True), "diarise"),
        (FileRequest("one", channels=True), "channels"),
        (FileRequest("one", language="EN-us"), None),
    ],
)
async def test_what_it_cannot_do_is_said_beforehand(
    slots: Slots, request_: FileRequest, key: str | None
) -> None:
    """By the name of what is too much."""
    refusal = engine(slots, model()).refusal(request_)
    assert (refusal and refusal.key) == key
