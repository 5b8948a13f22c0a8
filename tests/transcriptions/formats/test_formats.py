"""One document in every format, exactly."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.intake.asked import Format
from relayd.speech.document import Document, Segment, TimedWord
from relayd.transcriptions.formats.registry import FORMATS

TALK = Document(
    "deepgram",
    "nova-3",
    "en",
    12_000,
    (
        Segment(
            "Good morning.",
            500,
            1_400,
            (TimedWord("Good", 500, 900, 0.9), TimedWord("morning.", 900, 1_400, 0.8)),
            speaker=0,
        ),
        Segment("Is <b> & c in order?", 2_000, 3_000, (), speaker=1),
        Segment("Yes.", 3_100, 3_400, (TimedWord("Yes.", 3_100, 3_400),), speaker=1),
    ),
)

TXT = """\
Speaker 1: Good morning.

Speaker 2: Is <b> & c in order? Yes.
"""
SRT = """\
1
00:00:00,500 --> 00:00:01,500
Good morning.

2
00:00:02,000 --> 00:00:03,400
Is ‹b› & c in order? Yes.

"""  # noqa: RUF001 - what is written
VTT = """\
WEBVTT

00:00:00.500 --> 00:00:01.500
<v Speaker 1>Good morning.

00:00:02.000 --> 00:00:03.400
<v Speaker 2>Is &lt;b&gt; &amp; c in order? Yes.

"""


@pytest.mark.parametrize(("name", "expected"), [("txt", TXT), ("srt", SRT), ("vtt", VTT)])
def test_people_get_it_as_they_read_it(name: str, expected: str) -> None:
    """Paragraphs with their speakers; subtitles, escaped."""
    assert FORMATS[name].write(TALK) == expected


def test_programs_get_the_text() -> None:
    """And what it was made from."""
    assert json.loads(FORMATS["json"].write(TALK)) == {
        "text": "Good morning. Is <b> & c in order? Yes.",
        "duration_seconds": 12,
        "language": "en",
        "model": "nova-3",
    }


def test_programs_get_every_time() -> None:
    """In seconds, as OpenAI has them; what nobody knows is left out."""
    found = json.loads(FORMATS["verbose_json"].write(TALK))
    assert found["duration"] == 12
    assert found["segments"][1] == {
        "id": 1,
        "start": 2,
        "end": 3,
        "text": "Is <b> & c in order?",
        "speaker": 1,
    }
    assert found["words"] == [
        {"word": "Good", "start": 0.5, "end": 0.9, "confidence": 0.9},
        {"word": "morning.", "start": 0.9, "end": 1.4, "confidence": 0.8},
        {"word": "Yes.", "start": 3.1, "end": 3.4},
    ]


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


@given(st.text(max_size=100))
def test_words_are_never_markup(text: str) -> None:
    """Whatever is said, the page has the same tags, and the words in it."""
    page = Page()
    page.feed(FORMATS["html"].write(Document("e", "m", "en", 9, (Segment(f"a {text}", 0, 9),))))
    assert page.tags == "html head meta meta title style body h1 p time".split()  # noqa: SIM905


def test_the_page_has_times_and_speakers() -> None:
    """Each paragraph with both."""
    page = FORMATS["html"].write(TALK)
    assert (
        '<p><time datetime="PT0H0M2S">0:02</time><strong>Speaker 2</strong> '
        "Is &lt;b&gt; &amp; c in order? Yes.</p>"
    ) in page


def test_channels_are_told_apart() -> None:
    """Where each was transcribed by itself, it is named, and is a voice of the subtitles."""
    segments = (Segment("Left.", 0, 500, channel=0), Segment("Right.", 600, 900, channel=1))
    talk = Document("e", "m", "", 1_000, segments)
    assert FORMATS["txt"].write(talk) == "Channel 1: Left.\n\nChannel 2: Right.\n"
    assert "<v Speaker 2>Right." in FORMATS["vtt"].write(talk)


@pytest.mark.parametrize("name", FORMATS)
def test_silence_is_a_transcript_too(name: str) -> None:
    """Nothing was said, and every format says just that."""
    written = FORMATS[name].write(Document("e", "m", "", 1_000))
    assert isinstance(written, str)
    assert name in {"txt", "srt"} or written


def test_what_can_be_asked_for_can_be_written() -> None:
    """Each format of a request has its writer, in any case; `text` is what OpenAI calls `txt`."""
    assert {one.value for one in Format} == set(FORMATS)
    assert Format.named("SRT") is Format.SRT
    assert Format.named("Text") is Format.TXT
    assert Format.named("doc") is None
