"""The recogniser: what it says follows from the number of bytes alone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.standin.speech import Listening, Recogniser

RATE = 32_000


def recogniser(**asked: Any) -> Recogniser:
    """One that hears linear16 at 16 kHz."""
    return Recogniser(Listening(bytes_per_second=RATE, **asked), "id")


def results(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Only the results."""
    return [message for message in messages if message["type"] == "Results"]


def text(result: dict[str, Any]) -> str:
    """The transcript of a result."""
    return str(result["channel"]["alternatives"][0]["transcript"])


@given(st.lists(st.integers(1, 3 * RATE), max_size=20), st.booleans())
def test_finals_are_contiguous_and_hold_every_word_once(chunks: list[int], interim: bool) -> None:
    """However the audio is cut, the finals cover it without a gap and no word is said twice."""
    heard = recogniser(interim_results=interim)
    messages = [message for chunk in chunks for message in heard.hear(chunk)]
    messages += heard.finish()
    end = 0.0
    words: list[str] = []
    for final in results(messages):
        if final["is_final"]:
            assert abs(final["start"] - end) < 1e-3
            end = final["start"] + final["duration"]
            words += text(final).split()
    assert abs(end - sum(chunks) / RATE) < 2e-3
    assert words == [f"word-{number}" for number in range(len(words))]
    assert messages[-1]["type"] == "Metadata"
    assert abs(messages[-1]["duration"] - sum(chunks) / RATE) < 1e-3


@given(st.lists(st.integers(1, RATE), min_size=1, max_size=20))
def test_how_audio_is_cut_changes_nothing(chunks: list[int]) -> None:
    """The same bytes cause the same messages."""
    one, many = recogniser(interim_results=True), recogniser(interim_results=True)
    whole = [*one.hear(sum(chunks)), *one.finish()]
    cut = [message for chunk in chunks for message in many.hear(chunk)]
    # Only what is said after all the audio may know of more of it.
    assert whole == [*cut, *many.finish()]


def test_an_interim_restates_the_open_window() -> None:
    """Its start stands still while its duration grows, also in silence."""
    heard = recogniser(interim_results=True, endpointing_ms=None)
    windows = [(r["start"], r["duration"], r["is_final"]) for r in results([*heard.hear(RATE * 2)])]
    assert windows == [(0.0, 1.0, False), (0.0, 2.0, False)]


def test_a_final_may_end_before_the_last_interim_did() -> None:
    """In the middle of speech it ends with its last word."""
    heard = recogniser(interim_results=True)
    *interims, final = results([*heard.hear(RATE * 3)])
    assert not any(interim["is_final"] for interim in interims)
    assert final["is_final"]
    assert not final["speech_final"]
    assert 2.8 < final["duration"] < 3.0


def test_the_end_of_speech_is_final() -> None:
    """Endpointing fires in the pause after the eighth word."""
    heard = recogniser(interim_results=True)
    last = results([*heard.hear(RATE * 5)])[-1]
    assert last["is_final"]
    assert last["speech_final"]
    assert last["start"] + last["duration"] == 5.0


def test_events_are_said_where_they_were_asked_for() -> None:
    """SpeechStarted and UtteranceEnd come once for each stretch of speech."""
    heard = recogniser(interim_results=True, vad_events=True, utterance_end_ms=1000)
    kinds = [message["type"] for message in heard.hear(RATE * 12)]
    assert kinds.count("SpeechStarted") == 2
    assert kinds.count("UtteranceEnd") == 2
    plain = recogniser(interim_results=True)
    assert {message["type"] for message in plain.hear(RATE * 12)} == {"Results"}


def test_finalize_says_what_is_pending_or_nothing() -> None:
    """One result marked as its answer; without pending audio none at all."""
    heard = recogniser()
    assert [*heard.finalize()] == []
    assert [*heard.hear(RATE // 2)] == []
    (result,) = heard.finalize()
    assert result["from_finalize"]
    assert text(result) == "word-0"
    assert [*heard.finalize()] == []


def test_the_words_can_be_given() -> None:
    """They are said in turn."""
    heard = recogniser()
    heard.words = ("good", "morning")
    (result,) = results([*heard.hear(RATE)])
    assert text(result) == "good morning"


def test_metadata_without_audio_names_no_model() -> None:
    """As captured from a stream that was closed unused."""
    assert "models" not in recogniser().metadata()
    assert recogniser().metadata()["duration"] == 0.0
