"""A stream over connections that break, from the client library to the stand-in engine."""

from contextlib import AbstractAsyncContextManager

import pytest
import trio
import trio.testing

from relayd.client import ConnectError, Transcript
from relayd.client.resuming import Patience, ResumingStream, open_resuming_stream
from relayd.client.transport import Address
from relayd.session.endings import EndReason
from tests import defaults
from tests.standin import Script
from tests.whole.stack import Stack, open_stack

CONFIG = {"encoding": "linear16", "sample_rate": 16_000, "channels": 1, "interim_results": True}


class Cable:
    """The way to a relay, which can be cut, and stay away."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.stream: trio.abc.Stream | None = None
        self.away = False

    async def dial(self, address: Address) -> trio.abc.Stream:
        """The client library's way in."""
        await trio.lowlevel.checkpoint()
        if self.away:
            raise OSError(111, "nobody there")
        self.stream = self.stack.connect()
        return self.stream

    async def cut(self) -> None:
        """End the connection without a word."""
        assert self.stream is not None
        await trio.aclose_forcefully(self.stream)

    def open(self, patience: Patience | None = None) -> AbstractAsyncContextManager[ResumingStream]:
        """A stream over it."""

        async def token() -> str:
            return self.stack.token

        return open_resuming_stream(
            "http://relay.example", token, CONFIG, connect=self.dial, patience=patience
        )


async def speak(stream: ResumingStream, seconds: float) -> None:
    """Audio at live pace."""
    for _ in range(round(seconds * 10)):
        await stream.send(bytes(3200))
        await trio.sleep(0.1)


async def listen(stream: ResumingStream, said: list[Transcript]) -> None:
    """Keep what is final."""
    said.extend([one async for one in stream if isinstance(one, Transcript) and one.is_final])


def words(said: list[Transcript]) -> list[str]:
    """Every word of it."""
    return [word for one in said for word in one.text.split()]


async def uncut(seconds: float) -> list[str]:
    """The words of so much audio over one connection that nobody cuts."""
    said: list[Transcript] = []
    async with open_stack(Script()) as stack:
        async with Cable(stack).open() as stream, trio.open_nursery() as nursery:
            nursery.start_soon(listen, stream, said)
            await speak(stream, seconds)
            await stream.stop()
        await stack.settled()
    assert len(said) > seconds / 10
    return words(said)


async def test_every_word_comes_once_over_twenty_cuts(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Cut again and again: the words are those of one connection, each second is paid once."""
    said: list[Transcript] = []
    async with open_stack(Script()) as stack:
        cable = Cable(stack)
        async with cable.open() as stream, trio.open_nursery() as nursery:
            nursery.start_soon(listen, stream, said)
            for n in range(20):
                await speak(stream, 2.3)
                cable.away = bool(n % 3)
                await cable.cut()
                await speak(stream, 0.7)
                cable.away = False
            await stream.stop()
        assert stream.returns == 20
        assert stream.lost_seconds == 0
        assert stream.ending is not None
        assert stream.ending.reason == "completed"
        assert stream.ending.seconds_used == 60
        (record,) = stack.stand_in.records
        assert record.audio_bytes == 60 * 32_000
        await stack.settled()
    assert words(said) == await uncut(60)


async def test_a_session_that_is_gone_is_followed_by_another(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Who comes back too late begins where words are not final, and the times go on."""
    said: list[Transcript] = []
    limits = defaults.limits(resume_seconds=2)
    async with open_stack(Script(), Script(), limits=limits) as stack:
        cable = Cable(stack)
        async with cable.open() as stream, trio.open_nursery() as nursery:
            nursery.start_soon(listen, stream, said)
            await speak(stream, 5)
            cable.away = True
            await cable.cut()
            await speak(stream, 5)
            cable.away = False
            await speak(stream, 5)
            await stream.stop()
        assert stream.ending is not None
        assert stream.ending.reason == "completed"
        await stack.settled()
        first, second = stack.stand_in.records
        ends = [round(one.start + one.duration, 3) for one in said]
        assert ends == sorted(ends)
        assert ends[-1] == 15
        assert first.audio_bytes + second.audio_bytes >= 15 * 32_000


async def test_a_restart_is_gone_over(autojump_clock: trio.testing.MockClock) -> None:
    """An orderly end that passes is no end of the stream: nothing is sent or paid twice."""
    said: list[Transcript] = []
    async with open_stack(Script(), Script()) as stack:
        cable = Cable(stack)
        async with cable.open() as stream, trio.open_nursery() as nursery:
            nursery.start_soon(listen, stream, said)
            await speak(stream, 5)
            for session in list(stack.sessions._live.values()):
                session.ending.give(EndReason.SERVER_DRAINING)
            await speak(stream, 5)
            await stream.stop()
        assert stream.ending is not None
        assert stream.ending.seconds_used == 10
        await stack.settled()
        assert sum(record.audio_bytes for record in stack.stand_in.records) == 10 * 32_000
    assert words(said) == 2 * await uncut(5)


async def test_gives_up_in_time(autojump_clock: trio.testing.MockClock) -> None:
    """Without a connection for so long, the last failure is raised where the app reads."""
    async with open_stack(Script()) as stack:
        cable = Cable(stack)
        async with cable.open(Patience(whole=20)) as stream:
            await speak(stream, 1)
            cable.away = True
            await cable.cut()
            with pytest.raises(ConnectError, match="Connection refused"):
                await listen(stream, [])
        assert 20 <= trio.current_time() <= 45
        await trio.sleep(20)
        await stack.settled()


async def test_an_ending_for_good_is_the_end(autojump_clock: trio.testing.MockClock) -> None:
    """Whom the server does not want any more is told, and nothing is tried again."""
    async with open_stack(Script()) as stack:
        async with Cable(stack).open() as stream:
            await speak(stream, 1)
            stack.ledger.disable(stack.user_id)
            await listen(stream, [])
        assert stream.ending is not None
        assert stream.ending.reason == "auth_revoked"
        assert stream.returns == 0
        await stack.settled()


async def test_a_sender_waits_while_too_much_is_unsent(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Nothing that was not sent is dropped: who gives more than is kept waits for the line."""
    async with open_stack(Script()) as stack:
        cable = Cable(stack)
        async with cable.open(Patience(kept=2)) as stream:
            cable.away = True
            await cable.cut()
            with trio.move_on_after(5) as waiting:
                await stream.send(bytes(64_000))
                await stream.send(bytes(64_000))
            assert waiting.cancelled_caught
            cable.away = False
            await stream.send(bytes(3200))
            await stream.stop()
            async for _ in stream:
                pass
        assert stream.ending is not None
        assert stream.ending.seconds_used == 2.1
        await stack.settled()
