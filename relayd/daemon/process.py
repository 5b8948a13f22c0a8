"""One serving process as its supervisor has it: started, counted for, watched, and buried.

It is a new interpreter, not a fork: threads and the loop of the supervisor can't be inherited.
What it needs comes over its standard input, so that no secret stands in a command line or an
environment: the configuration that the supervisor approved, and which descriptors to serve on.
"""

import math
import pickle
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID, uuid4

import attrs
import trio

from relayd import logs
from relayd.config import Config
from relayd.daemon.channel import (
    Admit,
    Alive,
    Channel,
    Enter,
    Failed,
    FromProcess,
    GiveTurn,
    Leave,
    Look,
    News,
    Reply,
    Retire,
    Started,
    Stop,
    TakeTurn,
)
from relayd.quotas.counters import Counters
from relayd.quotas.limits import Cap

__all__ = ["Errand", "Process"]

log = logs.get(__name__)

# Between two looks at a process, and without an answer until it is taken for hung. A loop that
# stands still for so long serves nobody.
LOOK_SECONDS: Final = 5.0
HUNG_SECONDS: Final = 30.0


@attrs.frozen
class Errand:
    """What a process is started for; pickled to its standard input."""

    config: Config
    boot_id: UUID
    # Which of the serving processes it is, from 1 on, and how many there are.
    slot: int
    processes: int
    # Descriptors that it inherits.
    channel: int
    listeners: Sequence[int]


@attrs.define(eq=False)
class Process:
    """A serving process, from its start to its end."""

    config: Config
    slot: int
    processes: int
    counters: Counters
    news: Callable[[], None]
    boot_id: UUID = attrs.field(factory=uuid4)
    started: trio.Event = attrs.field(factory=trio.Event)
    over: trio.Event = attrs.field(factory=trio.Event)
    # What it left is settled, and nothing more is to be done about it.
    settled: trio.Event = attrs.field(factory=trio.Event)
    # What the operator must change, where it could not serve.
    failure: str | None = None
    exit_code: int | None = None
    retired: bool = False
    began_at: float = attrs.field(factory=trio.current_time)
    _channel: Channel[FromProcess] | None = None
    _child: trio.Process | None = None
    # Places that it holds: all given back when it ends, however it does.
    _held: Counter[Cap] = attrs.field(factory=Counter)
    _asking: trio.Nursery | None = None
    _alive_at: float = math.inf

    async def run(self, listeners: Sequence[int], kept_open: Sequence[int]) -> None:
        """Start it and carry it to its end. It inherits both kinds of descriptors."""
        ours, theirs = socket.socketpair()
        errand = Errand(
            self.config, self.boot_id, self.slot, self.processes, theirs.fileno(), listeners
        )
        self._channel = Channel(
            trio.SocketStream(trio.socket.from_stdlib_socket(ours)), FromProcess
        )
        try:
            with theirs:
                self._child = await trio.lowlevel.open_process(
                    [sys.executable, "-P", "-m", "relayd.daemon.child"],
                    stdin=subprocess.PIPE,
                    pass_fds=(theirs.fileno(), *listeners, *kept_open),
                )
            await self._carry(errand)
        finally:
            if self._child is not None and self._child.returncode is None:
                self._child.kill()
            self.over.set()

    async def _carry(self, errand: Errand) -> None:
        assert self._child is not None
        assert self._channel is not None
        assert self._child.stdin is not None
        async with trio.open_nursery() as nursery:
            self._asking = nursery
            nursery.start_soon(self._channel.run, self._heed)
            nursery.start_soon(self._watch)
            try:
                await self._child.stdin.send_all(pickle.dumps(errand))
                await self._child.stdin.aclose()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                log.warning("a serving process ended before it began", slot=self.slot)
            self.exit_code = await self._child.wait()
            nursery.cancel_scope.cancel()
        for cap in self._held.elements():
            self.counters.give(cap)

    def retire(self) -> None:
        """Let it accept nothing more and end when what is there has ended."""
        self.retired = True
        self._tell(Retire())

    def stop(self) -> None:
        """Let it drain and end."""
        self._tell(Stop())

    def kill(self) -> None:
        """End it at once; its sessions are settled by who buries it."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()

    def _tell(self, message: Retire | Stop | Reply | Look) -> None:
        if self._channel is not None:
            self._channel.tell(message)

    async def _watch(self) -> None:
        """Kill it when it hangs: a process that answers nothing serves nobody."""
        await self.started.wait()
        self._alive_at = trio.current_time()
        while True:
            self._tell(Look())
            await trio.sleep(LOOK_SECONDS)
            if trio.current_time() - self._alive_at > HUNG_SECONDS:
                log.error("a serving process hangs and is killed", slot=self.slot)
                self.kill()

    def _heed(self, message: FromProcess) -> None:
        match message:
            case Enter() | Leave() | Admit() | TakeTurn() | GiveTurn():
                self._count(message)
            case Alive():
                self._alive_at = trio.current_time()
            case Started():
                self.started.set()
            case Failed(problem):
                self.failure = problem
            case News():
                self.news()

    def _count(self, message: Enter | Leave | Admit | TakeTurn | GiveTurn) -> None:
        match message:
            case Enter(number, caps):
                full = self.counters.enter_now(caps)
                if full is None:
                    self._held.update(caps)
                self._tell(Reply(number, full))
            case Leave(caps):
                self._held.subtract(caps)
                self.counters.leave(caps)
            case Admit(number, rates):
                self._tell(Reply(number, self.counters.admit_now(rates)))
            case TakeTurn(number, turn):
                assert self._asking is not None
                self._asking.start_soon(self._take, number, turn)
            case GiveTurn(turn):
                self._held[turn] -= 1
                self.counters.give(turn)

    async def _take(self, number: int, turn: Cap) -> None:
        await self.counters.take(turn)
        self._held[turn] += 1
        self._tell(Reply(number, None))
