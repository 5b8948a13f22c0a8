"""Live words for apps of Trio or of asyncio.

    async with relayd.client.stream(config) as words:
        words.send_audio(pcm)                    # never waits; from any thread
        async for transcript in words: …         # interim and final ones; ends when it is over

Under Trio the conversation runs in the caller's own loop. Under asyncio it runs in a thread, and
anyio carries what it says across: it is the same conversation.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.from_thread
import attrs
import sniffio
import trio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from relayd.client.errors import RefusedError
from relayd.client.live.news import Balance, News, Problem, Standing, State
from relayd.client.live.settings import Settings
from relayd.client.live.sound import SAMPLE_RATE, Sound
from relayd.client.live.tape import Tape
from relayd.client.live.vault import SystemVault, Vault
from relayd.client.live.worker import Worker, converse
from relayd.client.messages import Transcript
from relayd.client.transport import Connect, dial

__all__ = ["Words", "stream"]

# How long leaving waits for the thread to hang up, in seconds.
_HANG_UP_SECONDS = 2.0


def _nothing(news: News) -> None:
    pass


@attrs.define(eq=False)
class Words:
    """What is heard, to be iterated; where sound goes in.

    ``seconds_remaining`` is the credit as last told, ``problem`` what last went wrong.
    """

    _tape: Tape
    _sound: Sound
    _heard: MemoryObjectReceiveStream[News]
    _told: Callable[[News], object] = _nothing
    state: State = attrs.field(init=False, default=State.CONNECTING)
    seconds_remaining: float | None = attrs.field(init=False, default=None)
    problem: Problem | None = attrs.field(init=False, default=None)
    ended: Standing | None = attrs.field(init=False, default=None)

    def send_audio(self, block: Any) -> None:
        """Give a block of sound; `relayd.client.live.sound` says in which forms. Never waits."""
        self._tape.add(self._sound.pcm(block))

    def stop(self) -> None:
        """No more sound: the last words follow, then the iteration ends."""
        self._tape.add(self._sound.flush())
        self._tape.close()

    def __aiter__(self) -> "Words":
        return self

    async def __anext__(self) -> Transcript:
        """The next words. Raises `RefusedError` where it can't go on; ``ended`` says why."""
        while self.ended is None:
            news = await self._heard.receive()
            self._told(news)
            if isinstance(news, Transcript):
                return news
            if isinstance(news, Balance):
                self.seconds_remaining = news.seconds
            elif isinstance(news, Problem):
                self.problem = news
            else:
                self.state = news.state
                self.ended = news if news.state is State.ENDED else None
        if self.ended.code != "completed":
            raise RefusedError(self.ended.code, self.ended.message, 0)
        raise StopAsyncIteration


@asynccontextmanager
async def stream(
    config: Settings | Mapping[str, Any],
    *,
    on_news: Callable[[News], object] = _nothing,
    sample_rate: int = SAMPLE_RATE,
    channels: int = 1,
    vault: Vault | None = None,
    connect: Connect = dial,
) -> AsyncIterator[Words]:
    """Listen until the block is left; leaving before `Words.stop` was answered hangs up.

    ``on_news`` hears all of `relayd.client.live.news` in the order of the iteration. Raises
    `SettingsError` for settings that can't work.
    """
    settings = Settings.of(config)
    settings.check()
    send, receive = anyio.create_memory_object_stream[News](float("inf"))
    where = _in_place if sniffio.current_async_library() == "trio" else _in_a_thread
    tape = Tape()
    with send, receive:
        async with where(settings, vault or SystemVault(), tape, send, connect):
            yield Words(tape, Sound(sample_rate, channels), receive, on_news)


@asynccontextmanager
async def _in_place(
    settings: Settings,
    vault: Vault,
    tape: Tape,
    send: MemoryObjectSendStream[News],
    connect: Connect,
) -> AsyncIterator[None]:
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(converse, settings, vault, tape, send.send_nowait, connect)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the caller's own comes out as it is, in no group
            failure = error
        nursery.cancel_scope.cancel(reason="the words were left")
    if failure is not None:
        raise failure


@asynccontextmanager
async def _in_a_thread(
    settings: Settings,
    vault: Vault,
    tape: Tape,
    send: MemoryObjectSendStream[News],
    connect: Connect,
) -> AsyncIterator[None]:
    failure: Exception | None = None
    async with anyio.from_thread.BlockingPortal() as portal:

        def tell(news: News) -> None:
            # Nobody listens any more where the portal is closed.
            with contextlib.suppress(RuntimeError):
                portal.start_task_soon(send.send_nowait, news)

        worker = Worker(settings, vault, tape, tell, connect)
        worker.start()
        try:
            yield
        except Exception as error:  # noqa: BLE001 - as above
            failure = error
        finally:
            worker.cut()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(worker.join, _HANG_UP_SECONDS)
    if failure is not None:
        raise failure
