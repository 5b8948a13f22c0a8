"""relayd's own protocol, parsed and formatted."""

import json
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.dialects.native import CLOSE_CODES, ERROR_CODES, NativeDialect
from relayd.session.dialect import (
    Conclusion,
    Introduction,
    Malformed,
    Mark,
    Readiness,
    Received,
    Resume,
    Return,
    Said,
    Texts,
    Ticket,
)
from relayd.session.endings import EndReason
from relayd.speech.formats import AudioFormat
from relayd.speech.plan import StreamPlan
from relayd.speech.tariff import Tariff
from relayd.speech.words import EngineChanged, SpeechStarted, Transcript, UtteranceEnd, Word

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DIALECT = NativeDialect()
PLAN = StreamPlan(AudioFormat(), "fake-1", interim_results=True, engine="fake")


def read(texts: Texts) -> list[dict[str, Any]]:
    """What an app makes of these messages."""
    return [json.loads(text) for text in texts]


def concluded(reason: EndReason = EndReason.COMPLETED, **changes: Any) -> Conclusion:
    """The end of a session that got past auth, but for these."""
    end = Conclusion(reason, "why", used_ms=5, remaining_ms=5, authenticated=True)
    return attrs.evolve(end, **changes)


KINDS = st.sampled_from(["auth", "finalize", "keepalive", "stop", "else"]) | st.text()


@given(st.text() | JSON_VALUES.map(json.dumps))
def test_parse_never_raises(text: str) -> None:
    """Any text has a meaning, if only that it has none."""
    assert isinstance(DIALECT.parse(text), Said)


@given(st.fixed_dictionaries({"type": KINDS | JSON_VALUES}, optional={"config": JSON_VALUES}))
def test_parse_never_raises_on_near_misses(message: dict[str, Any]) -> None:
    """Nor does anything that nearly is a message."""
    assert isinstance(DIALECT.parse(json.dumps(message)), Said)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"type": ' + "9" * 100_000 + "}", "", "{"])
def test_extremes_are_malformed(text: str) -> None:
    """Deep nesting and endless numbers are malformed, not a crash."""
    assert isinstance(DIALECT.parse(text), Malformed)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("KeepAlive", "keepalive"), ("Finalize", "finalize"), ("CloseStream", "stop")],
)
def test_names_of_deepgrams_clients_mean_the_same(theirs: str, ours: str) -> None:
    """An app that was written for Deepgram's own interface says what it always said."""
    meant = DIALECT.parse(json.dumps({"type": ours}))

    assert DIALECT.parse(json.dumps({"type": theirs})) == meant
    assert not isinstance(meant, Malformed)


def test_auth_carries_token_and_config() -> None:
    """The auth message's token and config are taken as they stand."""
    auth = DIALECT.parse('{"type":"auth","token":"t","config":{"language":"en"}}')

    assert auth == Introduction("t", {"language": "en"})


def test_auth_without_config_asks_for_the_defaults() -> None:
    """A missing or null config is an empty one."""
    assert DIALECT.parse('{"type":"auth","token":"t"}') == Introduction("t", {})
    assert DIALECT.parse('{"type":"auth","token":"t","config":null}') == Introduction("t", {})


def test_token_is_not_in_the_repr() -> None:
    """A logged auth message shows no token."""
    assert "hush-hush" not in repr(Introduction("hush-hush", {}))


def test_problem_does_not_repeat_the_text() -> None:
    """What a client sent by mistake isn't echoed into an error or a log."""
    malformed = DIALECT.parse('{"type":"hush-hush"}')

    assert isinstance(malformed, Malformed)
    assert "hush-hush" not in malformed.problem


def test_transcript_has_the_contract_fields() -> None:
    """A plain result has exactly the fields of the contract."""
    (message,) = read(DIALECT.result(Transcript("hi", True, False, 0.5, 1.0, 2.0)))

    assert message == {
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

    (message,) = read(DIALECT.result(event))

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
    started = DIALECT.result(SpeechStarted(1.5))
    ended = DIALECT.result(UtteranceEnd(2.5))

    assert read(started) == [{"type": "speech_started", "timestamp": 1.5}]
    assert read(ended) == [{"type": "utterance_end", "last_word_end": 2.5}]


@pytest.mark.parametrize(("missing", "told"), [(0.0, "a new one."), (1.5, "words for 1.5 s.")])
def test_a_new_engine_is_told_by_an_error_that_ends_nothing(missing: float, told: str) -> None:
    """Apps that know nothing of it show its text, the others find who speaks and at what price."""
    (message,) = read(DIALECT.result(EngineChanged("sphinx", "en-us", 900, missing)))

    assert message.pop("message").endswith(told)
    assert message == {
        "type": "error",
        "code": "engine_changed",
        "fatal": False,
        "engine": "sphinx",
        "model": "en-us",
        "rate": 900,
    }


def test_surrogate_from_an_engine_can_be_sent() -> None:
    """Half a surrogate pair in a transcript is escaped: the wire stays UTF-8."""
    (text,) = DIALECT.result(Transcript("\ud800", True, True, 1, 0, 1))

    assert text.encode()


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(600_000, "600"), (1234, "1.234"), (999, "0.999"), (0, "0")]
)
def test_whole_seconds_have_no_fraction(milliseconds: int, text: str) -> None:
    """Apps that read seconds into an integer can, wherever there is one."""
    (end,) = DIALECT.conclusion(concluded(used_ms=milliseconds, remaining_ms=milliseconds))
    said = [
        *DIALECT.ready(Readiness(UUID(int=1), PLAN, milliseconds)),
        *DIALECT.credits_low(milliseconds),
        end,
    ]

    assert all(f'"seconds_remaining":{text}}}' in one for one in said)
    assert f'"seconds_used":{text},' in end


def test_ready_says_who_listens() -> None:
    """The session's id, the engine, its model, what that costs, and the credit."""
    dear = attrs.evolve(PLAN, tariff=Tariff(1500))
    assert read(DIALECT.ready(Readiness(UUID(int=1), dear, 5000))) == [
        {
            "type": "ready",
            "session_id": "00000000-0000-0000-0000-000000000001",
            "engine": "fake",
            "model": "fake-1",
            "rate": 1500,
            "seconds_remaining": 5,
        }
    ]


def test_what_ends_nothing_is_not_fatal() -> None:
    """A remark on the configuration and a complaint about a message are errors that pass."""
    assert read(DIALECT.remark("frobnicate: ignored.")) == [
        {"type": "error", "code": "bad_config", "message": "frobnicate: ignored.", "fatal": False}
    ]
    assert read(DIALECT.complaint("Not JSON.")) == [
        {"type": "error", "code": "bad_message", "message": "Not JSON.", "fatal": False}
    ]


def test_an_app_that_is_done_hears_no_error() -> None:
    """The last message has what was used, in seconds; an unknown remainder is null."""
    assert read(DIALECT.conclusion(concluded(used_ms=1234, remaining_ms=None))) == [
        {
            "type": "session_end",
            "seconds_used": 1.234,
            "reason": "completed",
            "seconds_remaining": None,
        }
    ]


@pytest.mark.parametrize("reason", [one for one in EndReason if not one.by_app])
def test_whoever_got_past_auth_hears_error_and_end(reason: EndReason) -> None:
    """First what went wrong, then what was used; the label tells the reasons of one code apart."""
    error, end = read(DIALECT.conclusion(concluded(reason)))

    assert (error["code"], error["message"], error["fatal"]) == (ERROR_CODES[reason], "why", True)
    assert (end["type"], end["reason"]) == ("session_end", reason.label)


def test_whoever_did_not_get_past_auth_hears_the_error_only() -> None:
    """There is no account whose credit could be told."""
    (error,) = read(DIALECT.conclusion(concluded(EndReason.AUTH_FAILED, authenticated=False)))

    assert error["code"] == "auth_failed"


@pytest.mark.parametrize("reason", EndReason)
def test_closing_frame_has_the_reason(reason: EndReason) -> None:
    """A code that a server may send (RFC 6455, 7.4.2), and the label, which fits the frame."""
    closing = DIALECT.closing(reason)

    assert closing.text == reason.label
    assert len(closing.text.encode()) <= 123
    assert closing.code in {1000, 1011, 1012} or 4400 <= closing.code < 4600


def test_the_apps_own_endings_are_no_errors() -> None:
    """Every other reason has an error code, and every reason a close code."""
    assert set(ERROR_CODES) == {reason for reason in EndReason if not reason.by_app}
    assert set(CLOSE_CODES) == set(EndReason)
    assert {reason for reason in EndReason if CLOSE_CODES[reason] == 1000} == {
        reason for reason in EndReason if reason.by_app
    }


@pytest.mark.parametrize(
    ("said", "resume"),
    [
        (True, Resume()),
        (False, None),
        (None, None),
        ({"token": "t"}, Resume("t")),
        ({"token": "t", "received": 7, "start": 3200}, Resume("t", 7, 3200)),
    ],
)
def test_auth_says_whether_the_app_comes_back(said: object, resume: Resume | None) -> None:
    """True: it may; with a token, a number and an offset: it does."""
    auth = DIALECT.parse(json.dumps({"type": "auth", "token": "t", "resume": said}))
    assert auth == Introduction("t", {}, resume)


@pytest.mark.parametrize(
    "said", [1, "t", {}, {"token": 1}, {"token": "t", "received": -1}, {"token": "t", "start": 2.5}]
)
def test_a_wrong_resume_is_refused_by_its_name(said: object) -> None:
    """The app is told what the field takes."""
    auth = DIALECT.parse(json.dumps({"type": "auth", "token": "t", "resume": said}))
    assert isinstance(auth, Malformed)
    assert '"resume"' in auth.problem


def test_received_carries_a_number() -> None:
    """Without one it means nothing."""
    assert DIALECT.parse('{"type": "received", "number": 3}') == Received(3)
    for wrong in ("{}", '{"number": -1}', '{"number": true}', '{"number": 1e300}'):
        message = {"type": "received", **json.loads(wrong)}
        assert isinstance(DIALECT.parse(json.dumps(message)), Malformed)


def test_who_can_come_back_is_told_with_what() -> None:
    """`ready` and `resumed` carry the token and its time; `resumed` where to go on."""
    ticket = Ticket("here.1", 15)
    (ready,) = read(DIALECT.ready(Readiness(UUID(int=1), PLAN, 5000, ticket)))
    (back,) = read(DIALECT.resumed(Return(UUID(int=1), 3200, 4900, ticket)))
    assert (ready["resume_token"], ready["resume_seconds"]) == ("here.1", 15)
    assert back == {
        "type": "resumed",
        "session_id": str(UUID(int=1)),
        "taken": 3200,
        "seconds_remaining": 4.9,
        "resume_token": "here.1",
        "resume_seconds": 15,
    }


@pytest.mark.parametrize(
    "event",
    [
        Transcript("a", is_final=True, speech_final=True, confidence=1, start=0, duration=1),
        SpeechStarted(1.0),
        UtteranceEnd(1.0),
    ],
)
def test_a_mark_stands_behind_what_was_there(event: Any) -> None:
    """The number and the audio taken are added; without a mark nothing is."""
    (plain,) = read(DIALECT.result(event))
    (marked,) = read(DIALECT.result(event, Mark(3200, 4)))
    assert marked == {**plain, "number": 4, "taken": 3200}
