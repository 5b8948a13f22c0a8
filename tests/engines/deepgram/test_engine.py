"""The Deepgram engine where all goes well, against the stand-in under a mock clock."""

from typing import TYPE_CHECKING, cast

import attrs
import pytest
import trio
from trio.testing import MockClock

from relayd import config
from relayd.engines.deepgram.engine import Deepgram
from relayd.errors import ConfigError
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.words import SpeechStarted, Transcript, UpstreamEvent, UtteranceEnd
from tests.engines.deepgram.wired import (
    FRAME,
    KEY,
    SETTINGS,
    bench,
    listening,
    read_all,
    send_seconds,
)

if TYPE_CHECKING:
    from relayd.websocket.pump import Pump


async def test_a_stream_goes_from_audio_to_the_last_words(autojump_clock: MockClock) -> None:
    """Every byte arrives, every event comes back, and Metadata is the figure reported."""
    async with bench() as b:
        plan = b.plan(
            interim_results=True, vad_events=True, utterance_end_ms=1000, keywords=["a:1", "b"]
        )
        async with b.engine.open(plan) as stream:
            await send_seconds(stream, 6.5)
            await stream.finalize()
            await stream.finish()
            events = await read_all(stream)
            assert stream.reported_ms == 6500
        record = b.stand_in.records[0]
        await record.ended.wait()
    assert bytes(record.audio) == FRAME * 65
    assert record.close_code == 1000
    assert record.query["keywords"] == ["a:1", "b"]
    assert record.headers["authorization"] == f"Token {KEY}"
    assert "sec-websocket-extensions" not in record.headers
    assert {type(event) for event in events} == {Transcript, SpeechStarted, UtteranceEnd}
    finals = [e for e in events if isinstance(e, Transcript) and e.is_final]
    assert " ".join(e.text for e in finals).split() == [f"word-{n}" for n in range(9)]
    assert finals[-1].from_finalize
    assert any(isinstance(e, Transcript) and not e.is_final for e in events)


async def test_every_channel_is_told_apart_and_counted(autojump_clock: MockClock) -> None:
    """With multichannel each result names its channel and a second counts once for each."""
    async with bench() as b:
        async with b.engine.open(b.plan(channels=2, multichannel=True)) as stream:
            await send_seconds(stream, 4)
            await stream.finish()
            events = await read_all(stream)
        assert stream.reported_ms == 4000
    assert {e.channel for e in events if isinstance(e, Transcript)} == {0, 1}


async def test_the_running_figure_is_there_before_the_end(autojump_clock: MockClock) -> None:
    """Until Metadata comes the high-water mark of the results stands in."""
    async with bench() as b, b.engine.open(b.plan(interim_results=True)) as stream:
        assert stream.reported_ms is None
        await send_seconds(stream, 2.5)
        await stream.receive()
        await stream.receive()
        assert stream.reported_ms == 2000


async def test_silence_is_bridged_with_keepalives(autojump_clock: MockClock) -> None:
    """A client may be silent in mid-stream for any time: a text every 4 s keeps it open."""
    async with bench() as b, b.engine.open(b.plan()) as stream, listening(stream):
        await stream.send_audio(FRAME)
        start = trio.current_time()
        await trio.sleep(59)
        (record,) = b.stand_in.records
        texts = [text for _, text in record.texts]
        assert set(texts) == {'{"type":"KeepAlive"}'}
        assert [at - start for at, _ in record.texts][:3] == [4, 8, 12]
        assert len(texts) == 14
        await stream.send_audio(FRAME)
        assert len(record.texts) == 14


async def test_no_keepalive_is_sent_while_audio_flows(autojump_clock: MockClock) -> None:
    """Audio keeps the stream alive by itself."""
    async with bench() as b, b.engine.open(b.plan()) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(read_all, stream)
        await send_seconds(stream, 30)
        assert b.stand_in.records[0].texts == []
        await stream.finish()


async def test_an_empty_frame_is_not_passed_on(autojump_clock: MockClock) -> None:
    """Deepgram would take it for the end of the stream."""
    async with bench() as b, b.engine.open(b.plan()) as stream:
        await stream.send_audio(b"")
        await send_seconds(stream, 1.5)
        await stream.finish()
        assert await read_all(stream)
        assert b.stand_in.records[0].audio_bytes == 15 * len(FRAME)


async def test_a_stream_without_audio_is_opened_anew_when_audio_comes(
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Deepgram hangs up on a silent start; the client notices nothing."""
    async with bench() as b:
        async with b.engine.open(b.plan()) as stream, trio.open_nursery() as nursery:
            events: list[UpstreamEvent] = []

            async def read() -> None:
                events.extend(await read_all(stream))

            nursery.start_soon(read)
            await trio.sleep(120)
            assert [r.close_code for r in b.stand_in.records] == [1011]
            await send_seconds(stream, 2)
            await stream.finish()
        assert [r.audio_bytes for r in b.stand_in.records] == [0, 20 * len(FRAME)]
        assert events
        assert stream.reported_ms == 2000
    assert caplog.records == []


async def test_a_stream_that_never_got_audio_ends_in_order(autojump_clock: MockClock) -> None:
    """Finishing without audio is no failure, whether Deepgram hung up before or not."""
    async with bench() as b:
        for seconds in (0, 60):
            async with b.engine.open(b.plan()) as stream:
                async with listening(stream):
                    await trio.sleep(seconds)
                await stream.finalize()
                await stream.finish()
                assert await stream.receive() is None
            assert stream.reported_ms == 0


async def test_a_parked_reader_hears_of_the_end(autojump_clock: MockClock) -> None:
    """A reader that waits for a silent stream's first audio returns at `finish`."""
    async with bench() as b, b.engine.open(b.plan()) as stream, trio.open_nursery() as nursery:
        ended = trio.Event()

        async def read() -> None:
            assert await stream.receive() is None
            ended.set()

        nursery.start_soon(read)
        await trio.sleep(60)
        await stream.finish()
        with trio.fail_after(1):
            await ended.wait()


async def test_what_the_session_raises_leaves_as_it_is(autojump_clock: MockClock) -> None:
    """No exception group of the adapter's nursery wraps it."""
    error = ZeroDivisionError("mine")
    async with bench() as b:
        with pytest.raises(ZeroDivisionError) as caught:
            async with b.engine.open(b.plan()):
                raise error
    assert caught.value is error


def make(settings: config.Deepgram) -> Deepgram:
    """An engine of which nothing is opened."""
    return Deepgram(settings, cast("Pump", None))


def test_only_loopback_is_reached_unencrypted() -> None:
    """The key and the audio cross a network encrypted or not at all."""
    with pytest.raises(AssertionError):
        make(attrs.evolve(SETTINGS, url="ws://deepgram.example"))
    make(attrs.evolve(SETTINGS, url="ws://[::1]:80"))
    make(attrs.evolve(SETTINGS, url="wss://deepgram.example"))


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_is_none_is_the_operators_error(key: str) -> None:
    """A pasted key with rubbish in it is refused by name, without being shown."""
    with pytest.raises(ConfigError) as caught:
        make(attrs.evolve(SETTINGS, api_key=config.Secret(key)))
    assert caught.value.key == "engines.deepgram.api_key"
    assert key not in str(caught.value)


async def test_models_are_sold_at_their_rates(autojump_clock: MockClock) -> None:
    """An app gets the rate that the operator set; what is not for sale is refused by its key."""
    dear = config.Model(name="nova-3-medical", languages=("en",), rate=1800)
    settings = attrs.evolve(SETTINGS, models=(config.Model(name="nova-3"), dear))
    async with bench(settings=settings) as b:
        assert b.plan().tariff.rate == 1000
        assert b.plan(model="nova-3-medical").tariff.rate == 1800
        for refused in ({"model": "enhanced"}, {"model": "nova-3-medical", "language": "de"}):
            assert isinstance(b.engine.plan(refused), ConfigRefusal)


def test_the_default_must_be_for_sale() -> None:
    """A daemon that would refuse every app that names no model doesn't start."""
    with pytest.raises(ConfigError, match="not for sale") as caught:
        make(attrs.evolve(SETTINGS, model="nova-2-medical"))
    assert caught.value.key == "engines.deepgram.model"
    with pytest.raises(ConfigError) as caught:
        make(attrs.evolve(SETTINGS, language="multi", model="nova-2"))
    assert caught.value.key == "engines.deepgram.language"


def test_a_paid_feature_must_be_one() -> None:
    """A typing mistake in the operator's list is found at the start."""
    with pytest.raises(ConfigError) as caught:
        make(attrs.evolve(SETTINGS, paid_features=("diarise",)))
    assert "diarise" in str(caught.value)
    allowed = make(attrs.evolve(SETTINGS, paid_features=("diarize",)))
    assert isinstance(allowed.plan({"diarize": True}), StreamPlan)
