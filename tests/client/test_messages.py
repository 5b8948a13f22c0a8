"""The wire protocol as the app sees it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.client import messages
from relayd.client.messages import (
    CreditsLow,
    Error,
    Message,
    Ready,
    SessionEnd,
    SpeechStarted,
    Transcript,
    Unknown,
    UtteranceEnd,
    Word,
    parse,
)

EVERY: list[tuple[dict[str, Any], Message]] = [
    (
        {
            "type": "ready",
            "session_id": "a",
            "engine": "sphinx",
            "model": "en-us",
            "seconds_remaining": 600,
        },
        Ready("a", "sphinx", "en-us", 600.0, rate=1000),
    ),
    (
        {
            "type": "ready",
            "session_id": "a",
            "engine": "deepgram",
            "model": "nova-3",
            "rate": 1200,
            "seconds_remaining": 600,
        },
        Ready("a", "deepgram", "nova-3", 600.0, rate=1200),
    ),
    (
        {
            "type": "transcript",
            "text": "hello there",
            "is_final": True,
            "speech_final": True,
            "confidence": 0.5,
            "start": 1,
            "duration": 2.5,
            "channel": 1,
            "from_finalize": True,
            "words": [
                {"word": "hello", "start": 1, "end": 2, "confidence": 0.5},
                {
                    "word": "there",
                    "start": 2,
                    "end": 3,
                    "confidence": 1,
                    "punctuated_word": "there.",
                    "speaker": 0,
                },
            ],
        },
        Transcript(
            text="hello there",
            is_final=True,
            speech_final=True,
            confidence=0.5,
            start=1.0,
            duration=2.5,
            words=(Word("hello", 1.0, 2.0, 0.5), Word("there", 2.0, 3.0, 1.0, "there.", 0)),
            channel=1,
            from_finalize=True,
        ),
    ),
    ({"type": "credits_low", "seconds_remaining": 60.0}, CreditsLow(60.0)),
    (
        {"type": "error", "code": "bad_config", "message": "No.", "fatal": True},
        Error("bad_config", "No.", fatal=True),
    ),
    (
        {
            "type": "session_end",
            "seconds_used": 1.5,
            "reason": "completed",
            "seconds_remaining": 2.5,
        },
        SessionEnd("completed", 1.5, 2.5),
    ),
    (
        {"type": "session_end", "seconds_used": 2, "reason": "x", "seconds_remaining": None},
        SessionEnd("x", 2.0, None),
    ),
    ({"type": "speech_started", "timestamp": 9.54}, SpeechStarted(9.54)),
    ({"type": "utterance_end", "last_word_end": 8.8}, UtteranceEnd(8.8)),
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("wire", "message"), EVERY)
def test_every_message(wire: dict[str, Any], message: Message) -> None:
    """Each message of the protocol becomes its class, every field in its place."""
    assert parse(json.dumps(wire)) == message


@pytest.mark.parametrize(("wire", "message"), EVERY)
@given(news=st.dictionaries(st.text(min_size=1).map("x_".__add__), JSON, max_size=3))
def test_unknown_fields_change_nothing(
    wire: dict[str, Any], message: Message, news: dict[str, Any]
) -> None:
    """A later server may add fields."""
    assert parse(json.dumps({**wire, **news})) == message


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_anything_is_parsed(text: str | bytes) -> None:
    """No input raises; what is no message is `Unknown`."""
    assert isinstance(parse(text), Message)


@given(data=st.data())
def test_fields_of_any_type_are_parsed(data: st.DataObject) -> None:
    """Known messages with fields of the wrong type get defaults: no exception, no wrong type."""
    wire, message = data.draw(st.sampled_from(EVERY))
    changed = {key: data.draw(JSON) for key in wire if key != "type"}
    assert type(parse(json.dumps({**changed, "type": wire["type"]}))) is type(message)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"type":"credits_low","seconds_remaining":1' + "0" * 400 + "}",
        '{"type":"credits_low","seconds_remaining":1' + "0" * 5000 + "}",
        '{"type":"credits_low","seconds_remaining":NaN}',
        '{"type":"credits_low","seconds_remaining":true}',
        b"\xff",
    ],
)
def test_malice(text: str | bytes) -> None:
    """Depth, giant numbers, NaN and binary are survived and give no figure."""
    assert parse(text) in (Unknown(""), CreditsLow(0.0))


def test_a_new_type_is_named() -> None:
    """What this version doesn't know says its type."""
    assert parse('{"type":"novelty"}') == Unknown("novelty")


def test_what_the_client_says() -> None:
    """The client's messages are the protocol's."""
    assert json.loads(messages.auth("t", {"channels": 2})) == {
        "type": "auth",
        "token": "t",
        "config": {"channels": 2},
    }
    said = [messages.FINALIZE, messages.KEEPALIVE, messages.STOP]
    assert [json.loads(text) for text in said] == [
        {"type": "finalize"},
        {"type": "keepalive"},
        {"type": "stop"},
    ]


def test_credit_left_at_the_models_rate() -> None:
    """A minute of audio at 1500 takes a minute and a half of credit."""
    assert Ready("a", "e", "m", 600.0, rate=1500).left_after(60) == 510
    assert Ready("a", "e", "m", 600.0).left_after(60) == 540
