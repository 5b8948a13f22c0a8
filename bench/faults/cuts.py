"""A connection that is cut again and again in one recording, in every way that there is.

What is asked is whether the words cover the recording once: the stand-in's final results lie end to
end over its audio, so a gap between two of them is a word lost, an overlap one said twice.
"""

import os
import random
import signal
import socket
import struct
from itertools import pairwise
from typing import Final

import attrs
import trio

from bench.daemon import Daemon, Sections
from bench.faults.verdict import Verdict
from bench.faults.world import World, world
from bench.procfs import children
from relayd.client import Deadlines, Transcript
from relayd.client.resuming import Patience, ResumingStream, open_resuming_stream
from relayd.client.transport import Address
from tests.standin import Script

__all__ = ["run"]

_CUTS: Final = 100
_QUICK_CUTS: Final = 12
_RECORDING_MS: Final = 600_000
_QUICK_RECORDING_MS: Final = 60_000
# Faster than live, as the stand-in allows.
_SPEED: Final = 4.0
_PIECE_MS: Final = 100
_BYTES_PER_MS: Final = 32
_RESET, _SILENCE, _RESTART, _KILL = "RST", "silence", "1012", "worker killed"
# By how often each comes: a process that was ended takes a while to be there again.
_WAYS: Final = (_RESET, _SILENCE, _RESET, _RESTART, _RESET, _SILENCE, _RESET, _KILL)
_LATEST_SECONDS: Final = 600
_CONFIG: Final = {"interim_results": True}
_PROCESSES: Final = 3
_SECTIONS: Final[Sections] = {
    "server": {"processes": _PROCESSES, "drain_seconds": 5},
    "metering": {"flush_seconds": 1},
}
# A server that says nothing for so long has vanished.
_DEADLINES: Final = Deadlines(quiet_seconds=0.5, pong_seconds=0.5, finish_seconds=60)


@attrs.define(eq=False)
class _Wire(trio.abc.Stream):
    """A connection that can vanish: what is sent is lost, and nothing comes."""

    inner: trio.SocketStream
    silent: trio.Event = attrs.field(factory=trio.Event)
    closed: trio.Event = attrs.field(factory=trio.Event)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.silent.is_set():
            await trio.lowlevel.checkpoint()
        else:
            await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = bytes(await self.inner.receive_some(max_bytes))
        if self.silent.is_set():
            await self.closed.wait()
            raise trio.ClosedResourceError
        return data

    async def aclose(self) -> None:
        self.closed.set()
        await self.inner.aclose()

    def reset(self) -> None:
        """Leave with an RST."""
        self.inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.inner.socket.close()
        self.closed.set()


@attrs.define(eq=False)
class _Recording:
    """One recording on its way through connections that break."""

    daemon: Daemon
    whole_ms: int
    said: list[Transcript] = attrs.field(factory=list)
    cuts: int = 0
    _wire: _Wire | None = None

    async def connect(self, address: Address) -> trio.abc.Stream:
        """The client's way in."""
        self._wire = _Wire(await trio.open_tcp_stream("127.0.0.1", self.daemon.port))
        return self._wire

    async def speak(self, stream: ResumingStream) -> None:
        """All of it, at its pace, then stop."""
        begun = trio.current_time()
        for at in range(0, self.whole_ms, _PIECE_MS):
            await trio.sleep_until(begun + at / 1000 / _SPEED)
            if not await stream.send(bytes(_PIECE_MS * _BYTES_PER_MS)):
                return
        await stream.stop()

    async def cut(self, way: str) -> None:
        """Cut the connection in this way, if there is one just now."""
        await trio.lowlevel.checkpoint()
        self.cuts += 1
        match way:
            case "RST" if self._wire is not None and self._wire.inner.socket.fileno() >= 0:
                self._wire.reset()
            case "silence" if self._wire is not None:
                self._wire.silent.set()
            case "1012" | "worker killed":
                workers = sorted(children(self.daemon.pid))
                if workers:
                    how = signal.SIGTERM if way == _RESTART else signal.SIGKILL
                    os.kill(random.choice(workers), how)  # noqa: S311 - no secret

    @property
    def uncovered_ms(self) -> int:
        """Of the recording: without a final result."""
        ends = [0, *(_ms(one.start + one.duration) for one in self.said)]
        starts = [*(_ms(one.start) for one in self.said), self.whole_ms]
        return sum(max(start - end, 0) for end, start in zip(ends, starts, strict=True))

    @property
    def doubled_ms(self) -> int:
        """Of the recording: in two final results."""
        return sum(
            max(_ms(before.start + before.duration) - _ms(after.start), 0)
            for before, after in pairwise(self.said)
        )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


async def run(verdict: Verdict) -> None:
    """One recording, cut at moments that nobody chose."""
    cuts = verdict.sized(_CUTS, _QUICK_CUTS)
    whole_ms = verdict.sized(_RECORDING_MS, _QUICK_RECORDING_MS)
    async with world(Script(result_ms=250, keep_audio=False)) as here:
        (customer,) = await here.customers(1, 10 * whole_ms)
        async with here.daemon(_SECTIONS) as daemon:
            recording = _Recording(daemon, whole_ms)

            async def token() -> str:
                await trio.lowlevel.checkpoint()
                return customer.token

            with trio.fail_after(_LATEST_SECONDS):
                async with open_resuming_stream(
                    f"http://127.0.0.1:{daemon.port}",
                    token,
                    _CONFIG,
                    deadlines=_DEADLINES,
                    connect=recording.connect,
                    patience=Patience(least=0.05, good=0.2),
                ) as stream:
                    await _carry(recording, stream, cuts)
            await here.books.until_settled(60)
        await _judge(verdict, here, recording, stream)


async def _carry(recording: _Recording, stream: ResumingStream, cuts: int) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recording.speak, stream)
        nursery.start_soon(_cut_all, recording, cuts)
        async for message in stream:
            if isinstance(message, Transcript) and message.is_final:
                recording.said.append(message)


async def _cut_all(recording: _Recording, cuts: int) -> None:
    begun = trio.current_time()
    # The last one early enough to be noticed.
    seconds = (recording.whole_ms / 1000 - 3) / _SPEED
    moments = sorted(random.uniform(0.2, seconds) for _ in range(cuts))  # noqa: S311 - no secret
    for number, moment in enumerate(moments):
        await trio.sleep_until(begun + moment)
        await recording.cut(_WAYS[number % len(_WAYS)])


async def _judge(
    verdict: Verdict, here: World, recording: _Recording, stream: ResumingStream
) -> None:
    sessions = await here.books.ended_sessions()
    charged_ms = sum(one.used_ms for one in sessions)
    verdict.equal("cuts", recording.cuts, verdict.sized(_CUTS, _QUICK_CUTS))
    verdict.note("connections, sessions", f"{stream.returns + 1}, {len(sessions)}")
    verdict.equal("ended as", stream.ending and stream.ending.reason, "completed")
    verdict.equal("ms of the recording without words", recording.uncovered_ms, 0)
    verdict.equal("ms of the recording with words twice", recording.doubled_ms, 0)
    verdict.equal("ms of audio lost", round(stream.lost_seconds * 1000), 0)
    twice_ms = max(charged_ms - recording.whole_ms, 0)
    verdict.equal("ms charged beyond the recording", twice_ms, 0)
    verdict.note("ms heard by engines and not charged", recording.whole_ms - charged_ms)
    verdict.equal("rows at fault in the audit", await here.audited(), 0)
