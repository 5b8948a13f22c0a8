"""Processes that transcribe files on this machine: one warm one for each slot, killed to cancel.

A process keeps its model loaded from one file to the next, and nothing else. Which model a slot's
process has loaded follows from what is asked for: an idle one of another model makes room.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from relayd.children.child import REAP_SECONDS, Child, ChildEnded
from relayd.errors import EngineBusy, EngineOff

__all__ = ["Slots", "open_slots"]

# Whatever a decoder leaks is gone after so many files.
FILES_MAX: Final = 200

# The kernel had no process for us, or the machine no time to load a model: soon it may.
RETRY_SECONDS: Final = 30


@attrs.define(eq=False)
class _Warm:
    """A process with its model loaded."""

    command: tuple[str, ...]
    child: Child
    files: int = 0

    @property
    def fit(self) -> bool:
        """Whether it lives and may take another file."""
        return self.child.process.poll() is None and self.files < FILES_MAX


@attrs.define(eq=False)
class Slots:
    """At most ``slots`` processes, idle or at work; a file waits its turn for one."""

    slots: int
    open_seconds: float
    _places: trio.CapacityLimiter = attrs.field(init=False)
    # Invariant: idle processes and taken places together are no more than slots.
    _idle: list[_Warm] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._places = trio.CapacityLimiter(self.slots)

    @asynccontextmanager
    async def child(self, command: Sequence[str]) -> AsyncIterator[Child]:
        """Lend a process that runs this command; one that is left by an exception is killed.

        Raises EngineBusy where none can be started, EngineOff where it can't load its model.
        """
        async with self._places:
            warm = await self._take(tuple(command))
            finished = False
            try:
                yield warm.child
                finished = True
            finally:
                warm.files += 1
                if finished and warm.fit:
                    self._idle.append(warm)
                else:
                    with trio.move_on_after(REAP_SECONDS, shield=True):
                        await warm.child.kill()
            assert len(self._idle) + self._places.borrowed_tokens <= self.slots + 1

    async def close(self) -> None:
        """End all that are idle; the others end with who has them."""
        while self._idle:
            await _kill(self._idle.pop().child)

    async def _take(self, command: tuple[str, ...]) -> _Warm:
        for warm in [one for one in self._idle if not one.fit]:
            self._idle.remove(warm)
            await _kill(warm.child)
        # The last one that was used: its pages are in memory.
        for warm in reversed(self._idle):
            if warm.command == command:
                self._idle.remove(warm)
                return warm
        while len(self._idle) + self._places.borrowed_tokens > self.slots:
            await _kill(self._idle.pop(0).child)
        return _Warm(command, await self._start(command))

    async def _start(self, command: tuple[str, ...]) -> Child:
        try:
            child = await Child.start(command)
        except OSError as error:
            raise EngineBusy(
                f"a process for a file could not be started: {error.strerror}", RETRY_SECONDS
            ) from error
        ready = False
        try:
            with trio.fail_after(self.open_seconds):
                message = await child.read()
            ready = message == {"ready": True}
        except trio.TooSlowError:
            raise EngineBusy(
                f"a process for files was not ready within {self.open_seconds} s"
                " (engines.files.open_seconds)",
                RETRY_SECONDS,
            ) from None
        except ChildEnded as error:
            raise EngineOff(f"a process for files {error} while it loaded its model") from error
        finally:
            if not ready:
                with trio.move_on_after(REAP_SECONDS, shield=True):
                    await child.kill()
        if not ready:
            raise EngineOff(f"a process for files can't load its model: {message.get('failed')}")
        return child


async def _kill(child: Child) -> None:
    with trio.move_on_after(REAP_SECONDS, shield=True):
        await child.kill()


@asynccontextmanager
async def open_slots(slots: int, open_seconds: float) -> AsyncIterator[Slots]:
    """Slots without a process yet; leaving it ends those that are idle."""
    opened = Slots(slots, open_seconds)
    try:
        yield opened
    finally:
        with trio.move_on_after(REAP_SECONDS * slots, shield=True):
            await opened.close()
