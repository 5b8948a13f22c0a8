"""The end-pointer, with a package that takes every loud frame for voice."""

from collections.abc import Sequence
from typing import ClassVar

import attrs
import pytest

from relayd.engines.local.recogniser import Listening, Recogniser
from relayd.engines.moonshine import voice
from relayd.engines.moonshine.voice import VoiceActivity

FRAME = 1_024
FRAME_SECONDS = 0.032
LOOK_BEHIND_SECONDS = 16 * FRAME_SECONDS


@attrs.define
class Line:
    """As the package has them."""

    start_time: float
    duration: float = 0.0
    is_complete: bool = False


@attrs.define
class Lines:
    """Likewise."""

    lines: list[Line]


@attrs.define(eq=False)
class LoudStream:
    """A stream of the package's: voice is where the last sample isn't zero."""

    seconds: float = 0.0
    open: bool = True
    lines: list[Line] = attrs.field(factory=list)

    def start(self) -> None:
        """Listen."""

    def close(self) -> None:
        """No more."""
        assert self.open
        self.open = False

    def add_audio(self, samples: Sequence[float], rate: int) -> None:
        """Hear."""
        assert self.open
        assert rate == 16_000
        self.seconds += len(samples) / rate
        loud = samples[-1] != 0
        if loud and (not self.lines or self.lines[-1].is_complete):
            self.lines.append(Line(max(self.seconds - LOOK_BEHIND_SECONDS, 0.0)))
        if self.lines and not self.lines[-1].is_complete:
            self.lines[-1].duration = self.seconds - self.lines[-1].start_time
            self.lines[-1].is_complete = not loud

    def update_transcription(self, flags: int) -> Lines:
        """All stretches of voice since the start."""
        assert flags == LoudTranscriber.MOONSHINE_FLAG_FORCE_UPDATE
        return Lines(self.lines)


@attrs.define(eq=False)
class LoudTranscriber:
    """The package's, as far as it is used here."""

    MOONSHINE_FLAG_FORCE_UPDATE: ClassVar[int] = 1
    streams: list[LoudStream] = attrs.field(factory=list)

    def create_stream(self, update_interval: float) -> LoudStream:
        """Another one."""
        self.streams.append(LoudStream())
        return self.streams[-1]


@attrs.define(eq=False)
class Letters:
    """A model that reads what is spoken as the letters that the samples are."""

    transcriber: LoudTranscriber
    pause_seconds: float
    utterance_seconds_max: int = 3_600
    speech: bytearray = attrs.field(factory=bytearray)
    spoken: list[str] = attrs.field(factory=list)

    def endpointer(self, listening: Listening) -> VoiceActivity:
        """The one under test."""
        return VoiceActivity(self.transcriber, self.pause_seconds)

    def begin(self) -> None:
        """Begin."""
        self.speech.clear()

    def hear(self, speech: bytes) -> None:
        """Hear."""
        self.speech += speech

    def partial(self) -> None:
        """Nothing before the end."""

    def cut(self) -> bytes:
        """Never."""
        return b""

    def end(self, *, hurried: bool) -> list[object]:
        """Read it."""
        frames = len(self.speech) // FRAME
        text = bytes(self.speech[n * FRAME] for n in range(frames)).replace(b"\0", b".")
        self.spoken.append(text.decode("ascii"))
        return []


def listened(text: str, pause_seconds: float = 0.5) -> tuple[Letters, list[tuple[float, float]]]:
    """What was taken for utterances in frames of these letters, dots being silence, and where."""
    model = Letters(LoudTranscriber(), pause_seconds)
    said: list[dict[str, float]] = []
    recogniser = Recogniser(model, Listening(interim_results=False), said.append)  # type: ignore[arg-type]
    recogniser.feed(
        b"".join((letter.encode() if letter != "." else b"\0") * FRAME for letter in text)
    )
    recogniser.finish()
    return model, [(one["start"], one["duration"]) for one in said]


def spoken(text: str, pause_seconds: float = 0.5) -> list[str]:
    """The utterances without the silence in front of them."""
    return [one.lstrip(".") for one in listened(text, pause_seconds)[0].spoken]


def test_a_pause_ends_an_utterance() -> None:
    """Each is heard from its first frame to its last."""
    assert spoken("." * 30 + "abc" + "." * 20 + "def" + "." * 20) == ["abc", "def"]


def test_a_breath_does_not() -> None:
    """A pause shorter than asked for belongs to the utterance."""
    assert spoken("abc" + "." * 8 + "def" + "." * 20) == ["abc" + "." * 8 + "def"]


@pytest.mark.parametrize(("pause_seconds", "utterances"), [(0.0, 2), (0.3, 2), (0.5, 1), (5.0, 1)])
def test_a_pause_is_as_long_as_the_app_asked_for(pause_seconds: float, utterances: int) -> None:
    """Ten frames are 0.32 s, of which the detector itself has seen 0.15."""
    assert len(spoken("abc" + "." * 10 + "def", pause_seconds)) == utterances


def test_an_utterance_begins_before_its_voice_was_noticed() -> None:
    """With as much of the sound before it as the package looks back to, where there is so much."""
    _, ((start, duration),) = listened("." * 40 + "abc" + "." * 30)
    assert start == pytest.approx(41 * FRAME_SECONDS - LOOK_BEHIND_SECONDS, abs=1e-3)
    assert start + duration == pytest.approx(43 * FRAME_SECONDS, abs=1e-3)
    _, ((start, duration),) = listened("a" + "." * 30)
    assert (start, duration) == (0.0, FRAME_SECONDS)


def test_utterances_share_no_sound() -> None:
    """The look-behind of one doesn't reach into the one before."""
    _, places = listened("." * 40 + "abc" + "." * 6 + "def" + "." * 20, 0.2)
    (first, lasted), (second, _) = places
    assert first + lasted <= second


def test_the_end_of_the_audio_ends_an_utterance() -> None:
    """In the middle of a word, and in a breath."""
    assert spoken("abc") == ["abc"]
    assert spoken("abc....") == ["abc"]


def test_a_long_stream_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package remembers a few stretches of voice only, and no word or second is lost."""
    monkeypatch.setattr(voice, "STRETCHES", 3)
    words = [f"{letter}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    text = "".join(word + "." * 40 for word in words)
    model, places = listened(text)
    assert [one.strip(".") for one in model.spoken] == words
    for n, (start, duration) in enumerate(places):
        assert start + duration == pytest.approx((n * 42 + 2) * FRAME_SECONDS, abs=2e-3)
    streams = model.transcriber.streams
    assert max(len(one.lines) for one in streams) == 3
    assert [one.open for one in streams[:-2]] == [False] * (len(streams) - 2)


def test_a_speaker_who_never_rests_is_forgotten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no silence is long enough, in a short one."""
    monkeypatch.setattr(voice, "STRETCHES", 3)
    monkeypatch.setattr(voice, "STRETCHES_MAX", 6)
    words = [f"{letter}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    for pause_seconds in (0.3, 5.0):
        model, _ = listened("".join(word + "." * 12 for word in words), pause_seconds)
        assert "".join(model.spoken).replace(".", "") == "".join(words)
        assert max(len(one.lines) for one in model.transcriber.streams) == 6
