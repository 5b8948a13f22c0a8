"""End-pointing and the timeline, with a scripted decoder and the real end-pointer."""

from typing import Any

import attrs
import pytest

from relayd.engines.local.recogniser import Listening, Recogniser
from relayd.engines.sphinx.decoder import SphinxDecoder
from tests.engines.local import spoken


@attrs.frozen
class Segment:
    """As pocketsphinx has them."""

    word: str
    start_frame: int
    end_frame: int
    prob: float = 0.5


@attrs.define
class ScriptedDecoder:
    """Hears one word every quarter of a second; checks the order of calls."""

    frames: int = 0
    in_utterance: bool = False

    def start_utt(self) -> None:
        """Begin."""
        assert not self.in_utterance
        self.in_utterance = True
        self.frames = 0

    def reinit_feat(self) -> None:
        """Forget the voice."""
        assert not self.in_utterance

    def process_raw(self, speech: bytes, *, full_utt: bool = False) -> None:
        """Take samples."""
        assert self.in_utterance
        self.frames += len(speech) // 320

    def end_utt(self) -> None:
        """End."""
        assert self.in_utterance
        self.in_utterance = False

    def seg(self) -> list[Segment]:
        """What was heard: also a silence and a noise, and a word that ends after the audio."""
        words = [Segment("the(2)", n, n + 24) for n in range(0, self.frames, 25)]
        return [Segment("<s>", 0, 0), *words, Segment("[NOISE]", 0, 0), Segment("</s>", 0, 0)]


def heard(listening: Listening, pieces: list[bytes]) -> list[dict[str, Any]]:
    """Everything said about a stream in these pieces; None asks to finalize."""
    said: list[dict[str, Any]] = []
    recogniser = Recogniser(SphinxDecoder(ScriptedDecoder()), listening, said.append)
    for piece in pieces:
        if piece:
            recogniser.feed(piece)
        else:
            recogniser.finalize()
    recogniser.finish()
    return said


FINALIZE = b""
FINALS_ONLY = Listening(interim_results=False)


def test_pauses_end_utterances_on_the_streams_timeline() -> None:
    """Each final lies after the one before, and its words lie inside it."""
    said = heard(FINALS_ONLY, [spoken.DEMO.samples])

    assert [one["speech_final"] for one in said] == [True, True, True]
    reached = 0.0
    for one in said:
        assert one["start"] >= reached
        reached = one["start"] + one["duration"]
        assert one["start"] == one["words"][0]["start"]
        assert one["words"][-1]["end"] <= reached
    assert reached <= len(spoken.DEMO.samples) / 32_000


def test_cutting_the_audio_differently_changes_no_result() -> None:
    """Partial and final results depend on the audio alone."""
    audio = spoken.DEMO.samples
    whole = heard(Listening(), [audio])

    assert any(not one["is_final"] for one in whole)
    assert heard(Listening(), [audio[n : n + 1_234] for n in range(0, len(audio), 1_234)]) == whole


def test_partial_results_claim_no_confidence() -> None:
    """Posterior probabilities are known at the end of an utterance only."""
    said = heard(Listening(), [spoken.DEMO.samples])

    assert {one["confidence"] for one in said if not one["is_final"]} == {0.0}
    assert {one["confidence"] for one in said if one["is_final"]} == {0.5}


def test_finalize_says_the_rest_and_listening_goes_on() -> None:
    """The answer is marked, loses no audio, and the next utterance keeps the timeline."""
    audio = spoken.DEMO.samples
    said = heard(FINALS_ONLY, [audio[:128_010], FINALIZE, audio[128_010:]])

    assert [one["from_finalize"] for one in said] == [False, True, False, False]
    cut = said[1]["start"] + said[1]["duration"]
    assert cut == pytest.approx(128_010 / 32_000, abs=0.01)
    assert said[2]["start"] >= cut


def test_audio_may_end_with_a_whole_frame() -> None:
    """Where nothing is left over at the end, what was said is still delivered."""
    # 960 bytes are a frame of the end-pointer; the recording is speech there.
    audio = spoken.DEMO.samples[: 130 * 960]

    said = heard(FINALS_ONLY, [audio, FINALIZE])

    assert said[-1]["from_finalize"]
    assert said[-1]["text"]


def test_finalize_in_silence_is_answered_too() -> None:
    """An app that asked need not wait for a deadline."""
    (answer,) = heard(FINALS_ONLY, [bytes(32_000), FINALIZE])

    assert answer["from_finalize"]
    assert (answer["text"], answer["start"], answer["duration"]) == ("", 1.0, 0.0)


def test_speech_without_a_pause_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder's memory is bounded; a cut is no endpoint, and no audio is lost at it."""
    monkeypatch.setattr(SphinxDecoder, "utterance_seconds_max", 1)

    said = heard(FINALS_ONLY, [spoken.DEMO.samples])

    assert not said[0]["speech_final"]
    assert said[1]["start"] == said[0]["start"] + said[0]["duration"]
    assert max(one["duration"] for one in said) <= 1.03


def test_endpoints_are_not_claimed_where_endpointing_is_off() -> None:
    """`endpointing: false` still gives finals, none of them marked."""
    said = heard(Listening(interim_results=False, endpointing=False), [spoken.DEMO.samples])

    assert [one["speech_final"] for one in said] == [False, False, False]


def test_voice_activity_and_the_end_of_words_are_told_where_asked_for() -> None:
    """One start for each utterance, one end for each pause that is long enough."""
    asked = Listening(interim_results=False, vad_events=True, utterance_end_ms=700)
    said = heard(asked, [spoken.DEMO.samples])

    finals = [one for one in said if "text" in one]
    started = [one["speech_started"] for one in said if "speech_started" in one]
    ended = [one["utterance_end"] for one in said if "utterance_end" in one]
    assert started == [one["start"] for one in finals]
    assert ended == [one["words"][-1]["end"] for one in finals][: len(ended)]
    assert ended


@pytest.mark.parametrize("endpointing_ms", [*range(0, 2_100, 7), 10_000])
def test_every_allowed_endpointing_gives_an_end_pointer(endpointing_ms: int) -> None:
    """What the option's bounds allow never stops a stream from starting."""
    heard(Listening(endpointing_ms=endpointing_ms), [bytes(3_200)])
