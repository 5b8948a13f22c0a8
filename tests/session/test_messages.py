"""The wire protocol, parsed and formatted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.session import messages
from relayd.speech.words import SpeechStarted, Transcript, UtteranceEnd, Word

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(["auth", "finalize", "keepalive", "stop", "else"]) | st.text()


@given(st.text() | JSON_VALUES.map(json.dumps))
def test_parse_never_raises(text: str) -> None:
    """Any text is one of the five values."""
    assert isinstance(messages.parse(text), messages.ClientMessage)


@given(st.fixed_dictionaries({"type": KINDS | JSON_VALUES}, optional={"config": JSON_VALUES}))
def test_parse_never_raises_on_near_misses(message: dict[str, Any]) -> None:
    """Nor does anything that nearly is a message."""
    assert isinstance(messages.parse(json.dumps(message)), messages.ClientMessage)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"type": ' + "9" * 100_000 + "}", "", "{"])
def test_extremes_are_malformed(text: str) -> None:
    """Deep nesting and endless numbers are malformed, not a crash."""
    assert isinstance(messages.parse(text), messages.Malformed)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("KeepAlive", "keepalive"), ("Finalize", "finalize"), ("CloseStream", "stop")],
)
def test_names_of_deepgrams_clients_mean_the_same(theirs: str, ours: str) -> None:
    """An app that was written for Deepgram's own interface says what it always said."""
    meant = messages.parse(json.dumps({"type": ours}))

    assert messages.parse(json.dumps({"type": theirs})) == meant
    assert not isinstance(meant, messages.Malformed)


def test_auth_carries_token_and_config() -> None:
    """The auth message's token and config are taken as they stand."""
    auth = messages.parse('{"type":"auth","token":"t","config":{"language":"en"}}')

    assert auth == messages.Auth("t", {"language": "en"})


def test_auth_without_config_asks_for_the_defaults() -> None:
    """A missing or null config is an empty one."""
    assert messages.parse('{"type":"auth","token":"t"}') == messages.Auth("t", {})
    assert messages.parse('{"type":"auth","token":"t","config":null}') == messages.Auth("t", {})


def test_token_is_not_in_the_repr() -> None:
    """A logged auth message shows no token."""
    assert "geheim" not in repr(messages.Auth("geheim", {}))


def test_problem_does_not_repeat_the_text() -> None:
    """What a client sent by mistake isn't echoed into an error or a log."""
    malformed = messages.parse('{"type":"geheim"}')

    assert isinstance(malformed, messages.Malformed)
    assert "geheim" not in malformed.problem


def test_transcript_has_the_contract_fields() -> None:
    """A plain result has exactly the fields of the contract."""
    text = messages.result(Transcript("hi", True, False, 0.5, 1.0, 2.0))

    assert json.loads(text) == {
        "type": "transcript",
        "text": "hi",
        "is_final": True,
        "confidence": 0.5,
        "start": 1.0,
        "duration": 2.0,
        "speech_final": False,
    }


def test_words_channel_and_finalize_are_added_where_known() -> None:
    """The optional fields stand where the engine said something."""
    event = Transcript(
        "hi",
        is_final=True,
        speech_final=True,
        confidence=1,
        start=0,
        duration=1,
        words=(Word("hi", 0, 1, 0.9, "Hi.", 3),),
        channel=1,
        from_finalize=True,
    )

    message = json.loads(messages.result(event))

    assert message["words"] == [
        {
            "word": "hi",
            "start": 0,
            "end": 1,
            "confidence": 0.9,
            "punctuated_word": "Hi.",
            "speaker": 3,
        }
    ]
    assert (message["channel"], message["from_finalize"]) == (1, True)


def test_marks_of_voice_activity() -> None:
    """Speech started and utterance end have their own messages."""
    assert json.loads(messages.result(SpeechStarted(1.5))) == {
        "type": "speech_started",
        "timestamp": 1.5,
    }
    assert json.loads(messages.result(UtteranceEnd(2.5))) == {
        "type": "utterance_end",
        "last_word_end": 2.5,
    }


def test_surrogate_from_an_engine_can_be_sent() -> None:
    """Half a surrogate pair in a transcript is escaped: the wire stays UTF-8."""
    text = messages.result(Transcript("\ud800", True, True, 1, 0, 1))

    assert text.encode()


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(600_000, "600"), (1234, "1.234"), (999, "0.999"), (0, "0")]
)
def test_whole_seconds_have_no_fraction(milliseconds: int, text: str) -> None:
    """Apps that read seconds into an integer can, wherever there is one."""
    said = [
        messages.ready("id", "engine", "model", milliseconds),
        messages.credits_low(milliseconds),
        messages.session_end(5, "completed", milliseconds),
    ]

    assert all(f'"seconds_remaining":{text}}}' in one for one in said)
    assert f'"seconds_used":{text},' in messages.session_end(milliseconds, "completed", 5)


def test_session_end_in_seconds() -> None:
    """Milliseconds inside are seconds outside; an unknown remainder is null."""
    assert json.loads(messages.session_end(1234, "completed", 5)) == {
        "type": "session_end",
        "seconds_used": 1.234,
        "reason": "completed",
        "seconds_remaining": 0.005,
    }
    assert json.loads(messages.session_end(0, "completed", None))["seconds_remaining"] is None
