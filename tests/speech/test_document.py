"""Documents: parts of a recording put together again."""

from hypothesis import given
from hypothesis import strategies as st

from relayd.speech.document import Document, Segment, TimedWord


def part(*words: str, milliseconds: int = 1000, language: str = "en") -> Document:
    """A document of one segment, its words a tenth of a second each."""
    timed = tuple(TimedWord(word, n * 100, n * 100 + 90) for n, word in enumerate(words))
    segment = Segment(" ".join(words), 0, milliseconds, timed)
    return Document("pretend", "pretend", language, milliseconds, (segment,) if words else ())


@given(st.lists(st.lists(st.sampled_from(["one", "two", "three"]), max_size=9), min_size=1))
def test_no_word_is_lost_or_doubled(spoken: list[list[str]]) -> None:
    """The parts' words are the whole's, in their order, and each so much later as its part."""
    parts = [(n * 1000, part(*words)) for n, words in enumerate(spoken)]
    whole = Document.joined(parts)

    assert whole.text.split() == [word for words in spoken for word in words]
    starts = [word.start_ms for word in whole.words]
    assert starts == sorted(starts)
    assert starts == [n * 1000 + i * 100 for n, one in enumerate(spoken) for i in range(len(one))]
    assert whole.duration_ms == len(spoken) * 1000


def test_parts_may_come_in_any_order() -> None:
    """They are finished in any order, and stand by where they begin."""
    whole = Document.joined([(1000, part("two")), (0, part("one"))])
    assert whole.text == "one two"
    assert [one.start_ms for one in whole.segments] == [0, 1000]


def test_the_language_is_that_of_the_first_who_knows() -> None:
    """A silent part tells none."""
    whole = Document.joined([(0, part(language="")), (1000, part("hallo", language="de"))])
    assert whole.language == "de"


def test_who_spoke_where_stays() -> None:
    """Speaker, channel and confidence are not touched."""
    word = TimedWord("hello", 10, 20, 0.5, speaker=1)
    segment = Segment("hello", 10, 20, (word,), speaker=1, channel=0)
    later = segment.later(1000)
    assert later == Segment(
        "hello", 1010, 1020, (TimedWord("hello", 1010, 1020, 0.5, speaker=1),), speaker=1, channel=0
    )
