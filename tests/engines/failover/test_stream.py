"""Wherever engines die, every word is said for good once, at its place in the audio."""

from collections import deque

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from relayd.engines.failover.engine import Failover
from relayd.engines.failover.standings import Standings
from relayd.engines.failover.stream import FailoverStream, Hearing
from relayd.engines.failover.turns import Turns
from relayd.errors import (
    UpstreamBusy,
    UpstreamClosed,
    UpstreamError,
    UpstreamRejected,
    UpstreamUnavailable,
    first_leaf,
)
from relayd.speech.formats import AudioFormat
from relayd.speech.plan import StreamPlan
from relayd.speech.tariff import Tariff
from relayd.speech.words import Transcript, UpstreamEvent, Word
from tests.engines.failover.recitals import failover, recite
from tests.fakes.reciter import SENTENCE, WORD_BYTES, Death, Reciter, read_out

WORDS = 90
CLOSED = UpstreamClosed("broke")
ABSENT = UpstreamUnavailable("not there")
# Long enough for something final: each of these deaths is past when the next one comes.
DEATHS = st.builds(
    Death,
    st.sampled_from([CLOSED, ABSENT]),
    st.integers(2 * SENTENCE * WORD_BYTES, 20 * WORD_BYTES),
    st.booleans(),
)


TWO_CHANNELS = StreamPlan(AudioFormat(channels=2, multichannel=True), "m", True)


def at(begin_seconds: float) -> Hearing:
    """What an engine hears from there on."""
    return Hearing(Reciter("one").stream(TWO_CHANNELS), begin_seconds)


def spoken(channel: int, words: tuple[str, ...]) -> Transcript:
    """A word a second, for good."""
    timed = tuple(Word(text, n, n + 1) for n, text in enumerate(words))
    return Transcript(" ".join(words), True, True, 1.0, 0, len(words), words=timed, channel=channel)


def cut(audio: bytes, sizes: list[int]) -> list[bytes]:
    """The audio in pieces of these sizes, over and over."""
    pieces, at = [], 0
    while at < len(audio):
        for size in sizes:
            pieces.append(audio[at : at + size])
            at += size
    return pieces


@given(
    st.lists(DEATHS, max_size=9),
    st.lists(st.integers(500, WORD_BYTES).map(lambda n: 2 * n), min_size=1, max_size=5),
    st.booleans(),
)
def test_every_word_once(deaths: list[Death], sizes: list[int], at_once: bool) -> None:
    """Nothing is lost and nothing comes twice, whatever dies where; times are the stream's."""
    script = deque(deaths)
    engines = [Reciter(name, script, at_once=at_once) for name in ("first", "second")]

    heard = trio.run(recite, failover(*engines), cut(read_out(range(WORDS)), sizes))

    assert heard.words == [f"w{n}" for n in range(WORDS)]
    words = [word for one in heard.finals for word in one.words]
    assert [one.start for one in words] == [n / 10 for n in range(WORDS)]
    assert all(one.start == one.words[0].start for one in heard.finals if one.words)
    streams = [stream for one in engines for stream in one.streams]
    assert len(heard.changes) == len(streams) - 1
    assert heard.reported_ms == sum(stream.reported_ms for stream in streams)
    assert all(stream.left for stream in streams)


async def test_the_same_engine_first_then_the_next() -> None:
    """A connection that broke is opened again, once; then it is the next one's turn."""
    first = Reciter("first", deque([Death(CLOSED, WORD_BYTES)] * 2))
    second = Reciter("second", deque([Death(CLOSED, WORD_BYTES)]))

    heard = await recite(failover(first, second), [read_out([n]) for n in range(WORDS)])

    assert [one.engine for one in heard.changes] == ["first", "second", "second"]
    assert heard.words == [f"w{n}" for n in range(WORDS)]


async def test_an_end_where_nobody_is_left() -> None:
    """Audio on which every engine dies twice ends the stream with the last one's failure."""
    engines = [Reciter(name, deque([Death(CLOSED, WORD_BYTES)] * 9)) for name in ("a", "b")]
    with pytest.raises(ExceptionGroup) as caught:
        await recite(failover(*engines), [read_out([n]) for n in range(WORDS)])

    assert first_leaf(caught.value) is CLOSED
    assert [len(one.streams) for one in engines] == [2, 2]


async def test_what_an_engine_refuses_of_the_app_is_for_the_app() -> None:
    """Another engine isn't asked to decode what one could not."""
    refused = UpstreamRejected("not audio")
    second = Reciter("second")
    with pytest.raises(ExceptionGroup) as caught:
        await recite(
            failover(Reciter("first", deque([Death(refused, WORD_BYTES)])), second),
            [read_out(range(9))],
        )

    assert first_leaf(caught.value) is refused
    assert not second.streams


async def test_opened_by_the_next_one() -> None:
    """Where the first can't take a stream, the second does, and nobody hears of a change."""
    second = Reciter("second")
    engine = failover(Reciter("first", deque([Death(ABSENT)])), second)

    heard = await recite(engine, [read_out(range(9))])

    assert heard.words == [f"w{n}" for n in range(9)]
    assert not heard.changes
    assert len(second.streams) == 1


async def test_an_engine_that_asks_for_a_pause_has_it_from_all() -> None:
    """The streams after it don't try it, and are planned with another one."""
    busy = UpstreamBusy("busy", "429", 60)
    first, second = Reciter("first", deque([Death(busy)])), Reciter("second")
    engine = failover(first, second)
    await recite(engine, [read_out(range(9))])

    plan = engine.plan({})
    assert isinstance(plan, StreamPlan)
    await recite(engine, [read_out(range(9))])

    assert plan.engine == "second"
    assert (len(first.streams), len(second.streams)) == (0, 2)
    assert engine.standings.unsaved["first"].reason == "429"


async def test_nobody_takes_a_stream_where_all_pause() -> None:
    """The app hears when to try again."""
    busy = UpstreamBusy("busy", "429", 60)
    engine = failover(*(Reciter(name, deque([Death(busy)])) for name in ("a", "b")))
    for told in ("busy", "Try again in 60 s"):
        with pytest.raises(ExceptionGroup) as caught:
            await recite(engine, [])
        error = first_leaf(caught.value)
        assert isinstance(error, UpstreamError)
        assert told in error.message


async def opened(engine: Failover) -> tuple[StreamPlan, FailoverStream]:
    """A plan, and the stream that it comes to; for a look only."""
    plan = engine.plan({})
    assert isinstance(plan, StreamPlan)
    async with engine.open(plan) as upstream:
        return plan, upstream


@pytest.mark.parametrize(("second", "charged"), [(1500, 1000), (1000, 1000), (500, 500)])
async def test_stepping_in_is_never_dearer(second: int, charged: int) -> None:
    """Who steps in costs its own rate, and at most that of the engine that should have."""
    engine = failover(
        Reciter("first", deque([Death(ABSENT)])), Reciter("second", tariff=Tariff(second))
    )
    plan, upstream = await opened(engine)

    assert plan.tariff == Tariff(1000)
    assert (upstream.plan.engine, upstream.plan.tariff) == ("second", Tariff(charged))


async def test_results_that_were_asked_for_come_from_who_goes_on() -> None:
    """A finalize that an engine died of is asked again behind the same audio."""
    first = Reciter("first", deque([Death(CLOSED, 3 * WORD_BYTES, sending=True)]))
    engine = failover(first, Reciter("second"))
    plan = engine.plan({})
    assert isinstance(plan, StreamPlan)
    async with engine.open(plan) as upstream, trio.open_nursery() as nursery:
        said: list[object] = []

        def take(event: object) -> bool:
            said.append(event)
            return True

        nursery.start_soon(upstream.receive, take)
        await upstream.send_audio(read_out(range(2)))
        # It dies of the next word; what is asked for behind it is another one's to answer.
        await upstream.send_audio(read_out([2]))
        await upstream.finalize()
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    finals = [one for one in said if isinstance(one, Transcript) and one.is_final]
    assert [(one.text, one.from_finalize) for one in finals] == [("w0 w1 w2", True)]


async def test_a_channel_that_was_ahead_says_nothing_twice() -> None:
    """The next engine begins where the slowest channel's words end; others' words go on later."""
    stream = FailoverStream({}, Turns((), Standings()), TWO_CHANNELS)
    said: list[Transcript] = []

    def take(event: UpstreamEvent) -> bool:
        assert isinstance(event, Transcript)
        said.append(event)
        return True

    stream._take = take
    stream._backlog.add(bytes(64_000 * 4))
    for part, channel, words in [
        (at(0), 0, ("a", "b", "c")),
        (at(0), 1, ("x",)),
        (at(1), 0, ("b", "c", "d")),
        (at(1), 1, ("y", "z")),
        (at(1), 0, ("b",)),
    ]:
        assert stream._offer(part, spoken(channel, words))

    assert [one.text for one in said] == ["a b c", "x", "d", "y z"]
    assert [one.words[0].start for one in said] == [0, 0, 3, 1]
