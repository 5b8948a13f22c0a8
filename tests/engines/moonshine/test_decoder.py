"""When the model is asked to look at an utterance, and what is made of what it wrote."""

import math
import time
from array import array
from typing import Any

import attrs
import pytest

from relayd.engines.local.recogniser import Listening
from relayd.engines.moonshine.decoder import MoonshineModel
from tests.engines.local.spoken import DEMO

SECOND = 32_000


@attrs.define(eq=False)
class Writer:
    """The weights' stand-in: writes the same whatever it hears, in so many seconds."""

    writes: str = "Hello, and welcome."
    takes_seconds: float = 0.0
    now: float = 0.0
    heard_seconds: list[float] = attrs.field(factory=list)

    def __call__(self, sound: "array[float]") -> str:
        """Look at an utterance."""
        self.heard_seconds.append(len(sound) / 16_000)
        self.now += self.takes_seconds
        return self.writes


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    """One, whose clock the model reads."""
    made = Writer()
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    return made


def begun(writer: Writer) -> MoonshineModel:
    """A model in an utterance."""
    model = MoonshineModel(writer, lambda pause: Any)  # type: ignore[arg-type, return-value]
    model.begin()
    return model


def swinging(seconds: float) -> bytes:
    """Sound that swells and dies away twice a second, as syllables do."""
    return array(
        "h",
        (
            int(9_000 * math.sin(n / 5) * abs(math.sin(n * math.pi / 8_000)))
            for n in range(round(seconds * 16_000))
        ),
    ).tobytes()


def looks(writer: Writer, seconds: float) -> list[float]:
    """After how much of an utterance partial results were looked for, in pieces of 50 ms."""
    model = begun(writer)
    sound = swinging(seconds)
    for start in range(0, len(sound), SECOND // 20):
        model.hear(sound[start : start + SECOND // 20])
        model.partial()
    return writer.heard_seconds


def test_the_first_look_is_early(writer: Writer) -> None:
    """As soon as there may be a word; then as often as one can read."""
    assert looks(writer, 2) == pytest.approx([0.65, 1.05, 1.45, 1.85])


def test_looks_take_less_than_half_of_the_time(writer: Writer) -> None:
    """A slow machine revises less often, instead of falling behind."""
    writer.takes_seconds = 0.4
    assert looks(writer, 4) == pytest.approx([0.65, 1.65, 2.65, 3.65])


def test_words_are_told_with_and_without_punctuation(writer: Writer) -> None:
    """What the model wrote, tidied, and the bare word beside it."""
    writer.writes = ' "In short,, the U.S.  period - was, was . 20%'
    model = begun(writer)
    model.hear(swinging(3))
    words = model.end(hurried=False)
    assert [one.word for one in words] == [
        "in",
        "short",
        "the",
        "u.s",
        "period",
        "was",
        "was",
        "20",
    ]
    assert [one.punctuated_word for one in words][:4] == ['"In', "short,", "the", "U.S."]
    assert all(0 <= one.start < one.end <= 3 for one in words)
    assert {one.confidence for one in words} == {0.0}, "the model has none to tell"


def test_hiss_has_no_words(writer: Writer) -> None:
    """The model would read some, so it isn't asked."""
    model = begun(writer)
    model.hear(array("h", [40, -40] * 16_000).tobytes())
    assert model.end(hurried=False) == []
    assert writer.heard_seconds == []


def test_short_sounds_are_long_enough(writer: Writer) -> None:
    """The model's first steps need half a second: silence is added."""
    model = begun(writer)
    model.hear(swinging(0.2))
    assert [one.word for one in model.end(hurried=False)] == ["hello", "and", "welcome"]
    assert writer.heard_seconds == [0.5]


def test_an_utterance_leaves_nothing_to_the_next(writer: Writer) -> None:
    """Neither sound nor times."""
    model = begun(writer)
    for _ in range(3):
        model.begin()
        model.hear(swinging(1))
        assert model.partial() is not None
        words = model.end(hurried=False)
        assert words[-1].end <= 1
    assert set(writer.heard_seconds) == {1.0}


def test_long_speech_is_cut_where_it_is_quietest(writer: Writer) -> None:
    """In its last seconds, so that no word is cut in two; the rest begins the next utterance."""
    model = begun(writer)
    sound = bytearray(DEMO.samples[2 * SECOND : 5 * SECOND] * 4)
    # A breath after 9.9 s, and one too early to be of use.
    for second in (3.0, 9.9):
        at = round(second * SECOND)
        sound[at : at + SECOND // 4] = bytes(SECOND // 4)
    model.hear(bytes(sound))

    rest = model.cut()

    cut = (len(sound) - len(rest)) / SECOND
    assert 9.9 <= cut <= 10.15
    assert bytes(sound).endswith(rest)
    model.end(hurried=False)
    assert writer.heard_seconds == [pytest.approx(cut)]
    model.begin()
    model.hear(rest)
    assert len(model._levels) == len(rest) // 320


@pytest.mark.parametrize(
    ("listening", "pause"),
    [
        (Listening(), 0.5),
        (Listening(endpointing=False), 0.5),
        (Listening(endpointing_ms=0), 0.0),
        (Listening(endpointing_ms=1_200), 1.2),
    ],
)
def test_pauses_are_as_asked_for(writer: Writer, listening: Listening, pause: float) -> None:
    """Else half a second; and whoever listened before is told to stop."""
    asked: list[float] = []
    closed: list[bool] = []

    class Voice:
        def close(self) -> None:
            closed.append(True)

    def listen(seconds: float) -> Any:
        asked.append(seconds)
        return Voice()

    model = MoonshineModel(writer, listen)
    model.endpointer(listening)
    model.endpointer(listening)
    assert asked == [pause, pause]
    assert closed == [True]
