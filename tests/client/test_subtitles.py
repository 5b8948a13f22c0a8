"""Final transcripts as text, JSON lines and SubRip."""

import json
import re

import attrs
from hypothesis import given
from hypothesis import strategies as st

from relayd.client.messages import Transcript, Word
from relayd.client.subtitles import JsonLines, SubRip, Text, Writer
from relayd.speech.subtitles import clean

CUE = re.compile(
    r"(\d+)\n(\d\d+):(\d\d):(\d\d),(\d\d\d) --> (\d\d+):(\d\d):(\d\d),(\d\d\d)\n(.*)", re.DOTALL
)


def transcript(
    text: str, start: float = 0.0, duration: float = 1.0, *, speech_final: bool = True
) -> Transcript:
    """A final result without words' times."""
    return Transcript(
        text=text,
        is_final=True,
        speech_final=speech_final,
        confidence=1.0,
        start=start,
        duration=duration,
    )


def read_back(srt: str) -> list[tuple[int, int, list[str]]]:
    """Start, end (ms) and lines of each cue, as a player would read the file."""
    cues = []
    for number, block in enumerate(srt.removesuffix("\n\n").split("\n\n") if srt else [], 1):
        match = CUE.fullmatch(block)
        assert match is not None, block
        figures = [int(group) for group in match.groups()[:9]]
        assert figures[0] == number
        h1, m1, s1, ms1, h2, m2, s2, ms2 = figures[1:]
        start = ((h1 * 60 + m1) * 60 + s1) * 1000 + ms1
        cues.append((start, ((h2 * 60 + m2) * 60 + s2) * 1000 + ms2, match[10].split("\n")))
    return cues


def respelled(text: str) -> str:
    """As SubRip, which has no escapes, must have what would be timing lines or tags."""
    for tagged, plain in (("-->", "→"), ("<", "\u2039"), (">", "\u203a")):
        text = text.replace(tagged, plain)
    return text


def written(writer: Writer, *transcripts: Transcript) -> str:
    """All the output of a writer."""
    return "".join([*map(writer.add, transcripts), writer.close()])


TIMES = st.floats(min_value=0, max_value=100_000)
WORDS = st.lists(
    st.builds(Word, st.text(max_size=50), TIMES, TIMES, st.just(1.0)), max_size=12
).map(tuple)
TRANSCRIPTS = st.lists(
    st.builds(
        Transcript,
        text=st.text(max_size=300),
        is_final=st.just(True),
        speech_final=st.booleans(),
        confidence=st.just(1.0),
        start=TIMES,
        duration=TIMES,
        words=WORDS,
    ),
    max_size=5,
)


@given(TRANSCRIPTS)
def test_srt_round_trip(transcripts: list[Transcript]) -> None:
    """Read back, subtitles hold every word in order, never overlap, and fit two lines of 42."""
    cues = read_back(written(SubRip(), *transcripts))
    said: list[str] = []
    for each in transcripts:
        words = [clean(word.word) for word in each.words]
        said += " ".join(words if any(words) else [clean(each.text)]).split()
    shown = "".join(word for _, _, lines in cues for line in lines for word in line.split())
    assert shown == respelled("".join(f"{word} " for word in said)).replace(" ", "")
    at = 0
    for start, end, lines in cues:
        assert at <= start < end
        assert len(lines) <= 2
        assert all(len(line) <= 42 for line in lines)
        at = end


def test_srt_exactly() -> None:
    """One cue, in the form that players expect."""
    words = (Word("hello", 3661.5, 3661.9, 1.0, "Hello,"), Word("you", 3662.0, 3662.25, 1.0))
    result = attrs.evolve(transcript("hello you"), words=words)
    assert written(SubRip(), result) == "1\n01:01:01,500 --> 01:01:02,250\nHello, you\n\n"


def test_srt_cuts() -> None:
    """A new subtitle begins after a pause, after seven seconds, and when two lines are full."""
    paused = (Word("one", 0, 1, 1.0), Word("two", 3, 4, 1.0))
    slow = tuple(Word(f"w{n}", n, n + 1.0, 1.0) for n in range(10))
    full = tuple(Word("abcdefghi", n / 10, n / 10 + 0.1, 1.0) for n in range(9))
    sizes = [
        [len(" ".join(lines).split()) for _, _, lines in read_back(written(SubRip(), result))]
        for result in (attrs.evolve(transcript("x"), words=words) for words in (paused, slow, full))
    ]
    assert sizes == [[1, 1], [7, 3], [8, 1]]


def test_srt_without_word_times() -> None:
    """Without words' times, the result's own time is shared out by length."""
    cues = read_back(written(SubRip(), transcript("aaaa " * 40, start=10, duration=20)))
    assert cues[0][0] == 10_000
    assert cues[-1][1] == 30_000
    assert len(cues) == 3


def test_text_is_a_line_an_utterance() -> None:
    """Finals are joined until the speaker pauses; the rest comes at the end."""
    out = written(
        Text(),
        transcript("the quick", speech_final=False),
        transcript("brown fox."),
        transcript("", speech_final=True),
        transcript("And then", speech_final=False),
    )
    assert out == "the quick brown fox.\nAnd then\n"


def test_text_breaks_a_monologue() -> None:
    """A speaker who never pauses gets a line every 800 characters, so memory is bounded."""
    writer = Text()
    pieces = [writer.add(transcript("a" * 100, speech_final=False)) for _ in range(20)]
    assert [bool(piece) for piece in pieces].count(True) == 2


def test_json_lines_hold_the_result() -> None:
    """Every line is one result with its times; empty results are left out."""
    out = written(JsonLines(), transcript("hé", start=2), transcript(""))
    assert out.count("\n") == 1
    assert json.loads(out)["text"] == "hé"
    assert json.loads(out)["start"] == 2


@given(st.text())
def test_clean_text_is_harmless(text: str) -> None:
    """Nothing that a terminal would act on is left, and nothing is left to clean."""
    cleaned = clean(text)
    assert cleaned == clean(cleaned)
    assert "\x1b" not in cleaned
    assert "\n" not in cleaned
