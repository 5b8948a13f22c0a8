"""Subtitles: laid out to be read, and read back by a parser that isn't ours."""

import io
from itertools import pairwise

import av
from hypothesis import given
from hypothesis import strategies as st

from relayd.speech.document import TimedWord
from relayd.speech.subtitles import Cue, clean, lay_out, shared_out, subrip, webvtt


def timed(text: str, *, word_ms: int = 300, start_ms: int = 0) -> list[TimedWord]:
    """The words of a text, one after the other."""
    return [
        TimedWord(word, start_ms + n * word_ms, start_ms + (n + 1) * word_ms)
        for n, word in enumerate(text.split())
    ]


TIMES = st.integers(0, 10**8)
WORDS = st.lists(
    st.builds(
        TimedWord, st.text(max_size=60), TIMES, TIMES, st.none(), st.none() | st.integers(0, 3)
    ),
    max_size=30,
)


@given(WORDS, st.none() | TIMES)
def test_whatever_is_said_fits_the_screen(words: list[TimedWord], until_ms: int | None) -> None:
    """At most two lines of 42, one subtitle at a time, and every letter in its order."""
    cues = list(lay_out(words, until_ms=until_ms))
    for cue in cues:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < len(line) <= 42 for line in cue.lines)
        assert cue.start_ms < cue.end_ms
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(cues))
    shown = "".join("".join(cue.lines) for cue in cues)
    assert shown.replace(" ", "") == "".join(clean(word.text) for word in words).replace(" ", "")


def test_lines_are_of_like_length() -> None:
    """A full line over a lonely word is hard to read."""
    (cue,) = lay_out(timed("The words of this subtitle are more than one line can hold"))
    assert cue.lines == ("The words of this subtitle are", "more than one line can hold")


def test_a_sentence_ends_a_subtitle() -> None:
    """After a short pause, or where the subtitle is long enough."""
    words = [*timed("Good morning."), *timed("How are you?", start_ms=1_000)]
    assert [cue.lines for cue in lay_out(words)] == [("Good morning.",), ("How are you?",)]
    long = timed("This sentence alone is longer than a line is. And another.", word_ms=100)
    assert [len(cue.lines) for cue in lay_out(long)] == [2, 1]


def test_what_does_not_fit_is_cut_where_the_speaker_pauses() -> None:
    """Or where a clause ends, rather than before its last word."""
    address = [
        *timed("And so my fellow Americans"),
        *timed("ask not what your country can do for you", word_ms=600, start_ms=2_700),
    ]
    assert [" ".join(cue.lines) for cue in lay_out(address)] == [
        "And so my fellow Americans",
        "ask not what your country can do for you",
    ]
    long = timed("One two three four five six seven eight, nine ten eleven twelve", word_ms=600)
    assert [" ".join(cue.lines) for cue in lay_out(long)] == [
        "One two three four five six seven eight,",
        "nine ten eleven twelve",
    ]


def test_a_subtitle_stays_until_it_could_be_read() -> None:
    """A second and 20 characters a second, as far as there is room before the next."""
    words = [TimedWord("Yes.", 0, 100), TimedWord("No.", 700, 800), TimedWord("Well.", 9000, 9100)]
    found = [(cue.start_ms, cue.end_ms) for cue in lay_out(words, until_ms=9_500)]
    assert found == [(0, 700), (700, 1_700), (9_000, 9_500)]


def test_speakers_have_subtitles_of_their_own() -> None:
    """Nobody's words stand in another's."""
    words = [TimedWord("Hello.", 0, 100, speaker=0), TimedWord("Hi.", 110, 200, speaker=1)]
    assert [cue.speaker for cue in lay_out(words)] == [0, 1]


def test_times_are_shared_out_by_length() -> None:
    """Where the engine tells none of words."""
    words = shared_out("aa  bbbb aa", 1_000, 1_800, speaker=2)
    assert [(one.start_ms, one.end_ms) for one in words] == [
        (1_000, 1_200),
        (1_200, 1_600),
        (1_600, 1_800),
    ]
    assert {one.speaker for one in words} == {2}


def test_what_means_something_to_a_player_is_escaped() -> None:
    """A word is never a tag, an entity or a timing line."""
    cue = Cue(0, 1_000, ("a --> b <i> & {\\an8}",), speaker=0)
    assert subrip(cue, 1) == "1\n00:00:00,000 --> 00:00:01,000\na → b ‹i› & { \\an8}\n\n"  # noqa: RUF001 - what is written
    assert webvtt(cue) == (
        "00:00:00.000 --> 00:00:01.000\n<v Speaker 1>a --&gt; b &lt;i&gt; &amp; {\\an8}\n\n"
    )


def read_back(written: str, form: str) -> list[tuple[int, int, str]]:
    """Start, end and text of each subtitle, as libav finds them."""
    with av.open(io.BytesIO(written.encode()), "r", format=form) as file:
        (stream,) = file.streams
        found = []
        for packet in file.demux(stream):
            if packet.size and packet.pts is not None and packet.time_base is not None:
                tick = packet.time_base * 1000
                end = (packet.pts + (packet.duration or 0)) * tick
                found.append((int(packet.pts * tick), int(end), bytes(packet).decode()))
    return found


def test_another_program_reads_the_same() -> None:
    """Each subtitle with its times and lines, beyond an hour too."""
    words = timed("One, two. Three four five six seven eight nine ten. Eleven & twelve." * 3)
    cues = list(lay_out([*words, *timed("Late.", start_ms=36_000_000)]))
    expected = [(cue.start_ms, cue.end_ms, "\n".join(cue.lines)) for cue in cues]

    srt = "".join(subrip(cue, number) for number, cue in enumerate(cues, 1))
    vtt = "WEBVTT\n\n" + "".join(map(webvtt, cues))

    assert len(cues) > 4
    assert read_back(srt, "srt") == expected
    assert [
        (a, b, text.replace("&amp;", "&")) for a, b, text in read_back(vtt, "webvtt")
    ] == expected
