"""How a supervisor ends: what its processes left is settled, and nothing is said to have died."""

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import attrs
import pytest
import trio

from relayd import config
from relayd.daemon import supervisor
from relayd.daemon.notify import Manager
from relayd.daemon.supervisor import Supervisor
from relayd.errors import OperatorError
from relayd.ledger.succession import succeed
from tests.config.files import SECRETS
from tests.conftest import DeclaredErrors

PAUSE_SECONDS = 1.0


@attrs.define(eq=False)
class ScriptedProcess:
    """A process without an operating system: it serves at once and ends when it is told to."""

    config: config.Config
    slot: int
    processes: int
    counters: object
    news: object
    exit_code: int = 0
    boot_id: UUID = attrs.field(factory=uuid4)
    started: trio.Event = attrs.field(factory=trio.Event)
    over: trio.Event = attrs.field(factory=trio.Event)
    settled: trio.Event = attrs.field(factory=trio.Event)
    failure: str | None = None
    retired: bool = False
    began_at: float = 0
    told: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, listeners: Sequence[int], kept_open: Sequence[int]) -> None:
        """Serve until told."""
        self.started.set()
        await self.told.wait()
        await trio.sleep(PAUSE_SECONDS)
        self.over.set()

    def retire(self) -> None:
        """As if nothing ran any more."""
        self.retired = True
        self.told.set()

    def stop(self) -> None:
        """As if there were nothing to drain."""
        self.told.set()

    def kill(self) -> None:
        """It has ended already."""


@attrs.define(eq=False)
class ScriptedKeeping:
    """Settles a dead process after a while."""

    config: config.Config
    seconds: float
    buried: list[UUID] = attrs.field(factory=list)

    def news(self) -> None:
        """Nobody sells."""

    async def bury(self, boot_id: UUID) -> None:
        """Take a moment, as PostgreSQL does."""
        await trio.sleep(self.seconds)
        self.buried.append(boot_id)


@attrs.define(eq=False)
class Stage:
    """A supervisor of scripted processes on a data directory."""

    directory: Path
    made: config.Config
    settling_seconds: float = PAUSE_SECONDS
    processes: list[ScriptedProcess] = attrs.field(factory=list)
    stop: trio.Event = attrs.field(factory=trio.Event)
    keeping: ScriptedKeeping = attrs.field(init=False)
    supervisor: Supervisor = attrs.field(init=False)

    def begin(self, *asked: Any) -> ScriptedProcess:
        """Make a process in place of a real one."""
        self.processes.append(ScriptedProcess(*asked))
        return self.processes[-1]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until ``stop`` is set."""
        self.keeping = ScriptedKeeping(self.made, self.settling_seconds)
        with succeed(self.directory) as seat:
            self.supervisor = Supervisor(
                self.made,
                cast("Any", SimpleNamespace(listeners=[])),
                cast("Any", self.keeping),
                seat,
                Manager(),
                self.stop,
            )
            await self.supervisor.run(task_status.started)

    def predecessors(self) -> Sequence[UUID]:
        """Who the next daemon on this directory takes for dead."""
        with succeed(self.directory) as seat:
            return seat.predecessors


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Two processes."""
    environ = SECRETS | {"RELAYD_SERVER__PROCESSES": "2"}
    made = Stage(tmp_path, config.load(None, environ))
    monkeypatch.setattr(supervisor, "Process", made.begin)
    return made


async def test_nobody_died_in_a_drain(stage: Stage, autojump_clock: trio.testing.MockClock) -> None:
    """After a drain the next daemon finds no boot to end."""
    async with trio.open_nursery() as nursery:
        await nursery.start(stage.run)
        stage.stop.set()
    assert len(stage.processes) == 2
    assert stage.predecessors() == ()


async def test_who_is_killed_in_a_drain_is_settled(
    stage: Stage, autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors
) -> None:
    """What it left is settled before the daemon ends, which takes its boot from the seat."""
    async with trio.open_nursery() as nursery:
        await nursery.start(stage.run)
        killed = stage.processes[0]
        killed.exit_code = -9
        stage.stop.set()
    declared_errors.expect("a serving process died")
    assert stage.keeping.buried == [killed.boot_id]
    assert stage.predecessors() == ()


async def test_a_ledger_out_of_reach_does_not_hold_up_the_end(
    stage: Stage,
    autojump_clock: trio.testing.MockClock,
    declared_errors: DeclaredErrors,
) -> None:
    """What can't be settled in time is left to the next daemon, by its boot."""
    stage.settling_seconds = math.inf
    async with trio.open_nursery() as nursery:
        await nursery.start(stage.run)
        killed = stage.processes[0]
        killed.exit_code = -9
        began_at = trio.current_time()
        stage.stop.set()
    declared_errors.expect("a serving process died")
    assert trio.current_time() - began_at == PAUSE_SECONDS + supervisor.SETTLE_SECONDS
    assert stage.predecessors() == (killed.boot_id,)


@pytest.mark.parametrize("after_seconds", [0, PAUSE_SECONDS / 2])
async def test_a_reload_begins_nothing_while_it_stops(
    stage: Stage, autojump_clock: trio.testing.MockClock, after_seconds: float
) -> None:
    """A process that was begun now would be killed undrained, and its boot left for dead."""
    async with trio.open_nursery() as nursery:
        await nursery.start(stage.run)
        stage.stop.set()
        await trio.sleep(after_seconds)
        with pytest.raises(OperatorError, match="stopping"):
            await stage.supervisor.reload()
    assert len(stage.processes) == 2
    assert stage.predecessors() == ()
