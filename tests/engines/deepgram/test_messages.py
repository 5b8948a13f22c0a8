"""Deepgram's messages, as captured on the wire and as they may come one day."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.engines.deepgram.messages import (
    HeardAudio,
    Metadata,
    Notice,
    UnreadableMessage,
    parse,
    query,
)
from relayd.speech.formats import AudioFormat
from relayd.speech.plan import StreamPlan
from relayd.speech.words import SpeechStarted, Transcript, UtteranceEnd, Word

RESULTS = """
{"type":"Results","channel_index":[0,1],"duration":2.3,"start":1.5,"is_final":true,
 "speech_final":true,"channel":{"alternatives":[{"transcript":"Paris at once.",
 "confidence":0.9902344,"words":[{"word":"paris","start":1.5,"end":1.89999998,
 "confidence":0.9223633,"speaker":0,"punctuated_word":"Paris"}]}]},
 "metadata":{"request_id":"01a07aad-cb1e-78c3-80ef-181d08b56576","model_uuid":"40bd3654"},
 "from_finalize":false}
"""


# The least that a word may be.
WORD = {"word": "a", "start": 0.0, "end": 0.5}


def spoken(**changes: float) -> dict[str, Any]:
    """A channel of one word, changed."""
    return {"alternatives": [{"transcript": "a", "words": [{**WORD, **changes}]}]}


def results(**changes: Any) -> str:
    """The captured message, changed at its top level."""
    return json.dumps({**json.loads(RESULTS), **changes})


def test_a_captured_result_is_read_whole() -> None:
    """Text, times, confidence, speaker and punctuation all arrive."""
    assert parse(RESULTS) == Transcript(
        text="Paris at once.",
        is_final=True,
        speech_final=True,
        confidence=0.9902344,
        start=1.5,
        duration=2.3,
        words=(Word("paris", 1.5, 1.89999998, 0.9223633, "Paris", 0),),
    )


def test_a_channel_is_named_only_where_there_are_several() -> None:
    """``channel`` tells apart the channels of a multichannel stream."""
    found = parse(results(channel_index=[1, 2]))
    assert isinstance(found, Transcript)
    assert found.channel == 1


def test_an_empty_result_is_a_result() -> None:
    """Silence is transcribed, too: an empty text without words."""
    silence = {"alternatives": [{"transcript": "", "confidence": 0.0, "words": []}]}
    found = parse(results(channel=silence, is_final=False, speech_final=False))
    assert isinstance(found, Transcript)
    assert (found.text, found.words, found.is_final) == ("", (), False)


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        ('{"type":"SpeechStarted","channel":[0,1],"timestamp":9.54}', SpeechStarted(9.54)),
        ('{"type":"UtteranceEnd","channel":[0,1],"last_word_end":8.8}', UtteranceEnd(8.8)),
        ('{"type":"UtteranceEnd","channel":[0,1],"last_word_end":-1}', UtteranceEnd(-1.0)),
        (
            '{"type":"Metadata","request_id":"01a0","duration":44.259937,"channels":1}',
            Metadata(44.259937, "01a0"),
        ),
        (
            '{"type":"Error","variant":"SchemaError","description":"unknown","message":"{}"}',
            Notice("Error", "SchemaError", "unknown"),
        ),
        (
            '{"type":"Warning","code":"SLOW","description":"odd","new_field":[1]}',
            Notice("Warning", "SLOW", "odd"),
        ),
    ],
)
def test_the_other_messages_are_read(raw: str, event: object) -> None:
    """Every message type of the stream becomes its event."""
    assert parse(raw) == event


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00",
        "",
        "{",
        "[]",
        "null",
        '"Results"',
        "{}",
        '{"type":7}',
        '{"type":{}}',
        '{"type":"ConfigureSuccess","request_id":"x"}',
        '{"type":"Results"}',
        "[" * 200_000,
        '{"type":"Metadata","duration":' + "9" * 5000 + "}",
        '{"type":"Metadata","duration":NaN}',
        '{"type":"Metadata","duration":1e999}',
        '{"type":"Metadata","duration":true}',
        results(channel={"alternatives": []}),
        results(channel=None),
        results(start="0"),
        results(channel_index=7),
        results(channel={"alternatives": [{"transcript": None}]}),
    ],
)
def test_what_can_not_be_read_costs_the_message_only(raw: str | bytes) -> None:
    """Malformed and unknown messages are a value, never an exception."""
    assert isinstance(parse(raw), UnreadableMessage)


def test_half_a_surrogate_pair_does_not_reach_the_client() -> None:
    """JSON can name what UTF-8 can't carry."""
    broken = {"alternatives": [{"transcript": "é\ud800", "words": []}]}
    found = parse(results(channel=broken))
    assert isinstance(found, Transcript)
    assert found.text == "é?"


@pytest.mark.parametrize(
    "changes",
    [
        {"channel_index": [0]},
        {"channel_index": [0, 1, 2]},
        {"is_final": None, "speech_final": 0, "from_finalize": "no"},
        {"channel": {"alternatives": [{"transcript": "a", "words": None}]}},
        {"channel": {"alternatives": [{"transcript": "a", "words": [WORD]}]}},
    ],
)
def test_what_is_left_out_or_new_costs_nothing(changes: dict[str, Any]) -> None:
    """A field that may be absent, null or of another length is no reason to lose the words."""
    assert isinstance(parse(results(**changes)), Transcript)


def test_times_are_positions_in_a_stream() -> None:
    """Never before its beginning, and not beyond what any stream lasts."""
    found = parse(results(start=-0.5, channel=spoken(start=-0.25, end=0.5)))
    assert isinstance(found, Transcript)
    assert (found.start, found.words[0].start, found.words[0].confidence) == (0.0, 0.0, 0.0)
    assert isinstance(parse(results(channel=spoken(start=0.0, end=1e8))), UnreadableMessage)
    assert isinstance(parse(results(duration=1e8)), UnreadableMessage)
    assert isinstance(parse('{"type":"UtteranceEnd","last_word_end":-1e8}'), UnreadableMessage)


def test_a_query_states_the_format_and_repeats_repeated_options() -> None:
    """Values are escaped, so that no value can add a parameter."""
    plan = StreamPlan(
        AudioFormat("mulaw", 8000, 2, multichannel=True),
        "nova-3",
        interim_results=True,
        options={"search": ("a b", "c&callback=x"), "endpointing": ("300",)},
    )
    assert query(plan) == (
        "model=nova-3&encoding=mulaw&sample_rate=8000&channels=2&multichannel=true"
        "&interim_results=true&search=a%20b&search=c%26callback%3Dx&endpointing=300"
    )


def at(start: float, duration: float) -> Transcript:
    """A result that covers this window."""
    return Transcript("", False, False, 0.0, start, duration)


def test_what_was_heard_is_a_high_water_mark() -> None:
    """A final may end before the last interim did; nothing is counted twice."""
    heard = HeardAudio(billed_channels=1)
    assert heard.milliseconds is None
    for window in (at(0.0, 9.1), at(0.0, 8.49), at(8.49, 0.3)):
        heard.note(window)
    assert heard.milliseconds == 9100


def test_metadata_has_the_last_word_even_where_it_says_less() -> None:
    """The engine's total replaces the estimate, and later results don't change it."""
    heard = HeardAudio(billed_channels=2)
    heard.note(at(0.0, 9.1))
    heard.note(Metadata(8.5, ""))
    heard.note(at(0.0, 9.2))
    assert heard.milliseconds == 17_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(st.text() | JSON.map(json.dumps))
def test_no_text_raises(raw: str) -> None:
    """Whatever the engine sends, reading it does not raise."""
    parse(raw)


@given(st.sampled_from(sorted(json.loads(RESULTS))), JSON)
def test_no_damaged_result_raises(field: str, value: object) -> None:
    """Nor does a result with any one field replaced by anything."""
    found = parse(results(**{field: value}))
    if isinstance(found, Transcript):
        HeardAudio(1).note(found)
