"""What came twice is dropped, and times are those of the whole, whatever session they came from."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from relayd.client.kept import KeptAudio
from relayd.client.messages import Ready, Resumed, SessionEnd, SpeechStarted, Transcript, Word
from relayd.client.resumption import Resumption

READY = Ready("s1", "fake", "m1", 600.0, resume_token="here.1", resume_seconds=15)
FINAL = Transcript("one", True, False, 1.0, 0.0, 1.0, number=1, taken=40_000)


def begun() -> Resumption:
    """A stream whose first session is open, and has said one word."""
    resumption = Resumption.of({"sample_rate": 16_000})
    assert resumption.opening(0) is True
    assert resumption.opened(READY, 0) == 0
    assert resumption.hear(FINAL) == FINAL
    return resumption


def test_a_result_that_came_before_is_dropped() -> None:
    """After coming back the server may say again what was on its way."""
    resumption = begun()
    assert resumption.hear(FINAL) is None
    assert resumption.hear(attrs.evolve(FINAL, number=2)) is not None
    assert resumption.hear(SpeechStarted(1.0, number=2)) is None


def test_what_came_is_acknowledged_together_and_once() -> None:
    """Every eight results, long before a server would have to forget one."""
    resumption = begun()
    said = []
    for number in range(2, 18):
        resumption.hear(attrs.evolve(FINAL, number=number))
        said.append(resumption.acknowledgement())
    assert [one for one in said if one] == [
        '{"type": "received", "number": 8}',
        '{"type": "received", "number": 16}',
    ]
    assert said[6] == '{"type": "received", "number": 8}'
    assert resumption.acknowledgement() is None


def test_servers_that_can_not_resume_hear_nothing_of_it() -> None:
    """Without a token every connection is a new session, and nothing is acknowledged."""
    resumption = Resumption.of({})
    resumption.opened(attrs.evolve(READY, resume_token=""), 0)
    resumption.hear(attrs.evolve(FINAL, number=None, taken=None))
    assert resumption.acknowledgement() is None
    assert resumption.opening(0) is True
    assert resumption.opened(READY, 0) == 32_000


def test_the_session_goes_on_where_it_says() -> None:
    """Nothing before that byte is sent again."""
    resumption = begun()
    assert resumption.opening(0) == {"token": "here.1", "received": 1, "start": 32_000}
    assert resumption.opened(Resumed("s1", "", "", 599.0, taken=48_000), 16_000) == 48_000


def test_a_new_session_begins_behind_the_last_final_word() -> None:
    """Its times are moved to their place in the whole, and its numbers begin again."""
    resumption = begun()
    assert resumption.opened(READY, 0) == 32_000
    word = Word("two", 0.5, 0.75, 1.0)
    heard = resumption.hear(attrs.evolve(FINAL, words=(word,)))
    assert isinstance(heard, Transcript)
    assert (heard.start, heard.words[0].start, heard.words[0].end) == (1.0, 1.5, 1.75)
    assert resumption.opening(0) == {"token": "here.1", "received": 1, "start": 32_000}


def test_audio_that_is_not_kept_any_more_is_lost_and_said_so() -> None:
    """The rest keeps its time."""
    resumption = begun()
    assert resumption.opened(Resumed("s1", "", "", 599.0, taken=40_000), 72_000) == 72_000
    assert resumption.lost_bytes == 32_000
    heard = resumption.hear(attrs.evolve(FINAL, start=1.25, number=2))
    assert isinstance(heard, Transcript)
    assert heard.start == 2.25


def test_after_an_orderly_end_nothing_that_was_taken_is_sent_again() -> None:
    """Its words are all there, though silence stood behind the last one."""
    resumption = begun()
    resumption.hear(SessionEnd("server_draining", 2.0, 598.0, taken=64_000))
    assert resumption.opened(READY, 0) == 64_000
    resumption.hear(SessionEnd("upstream_closed", 2.0, 598.0, taken=64_000))
    assert resumption.opened(READY, 0) == 64_000


def test_channels_are_final_when_the_last_of_them_is() -> None:
    """Where each channel is transcribed by itself, the slower one says what is needed."""
    resumption = Resumption.of({"channels": 2, "multichannel": True})
    resumption.opened(READY, 0)
    resumption.hear(attrs.evolve(FINAL, channel=0, duration=3.0))
    assert resumption.final_bytes == 0
    resumption.hear(attrs.evolve(FINAL, channel=1, number=2))
    assert resumption.final_bytes == 64_000


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("give"), st.integers(0, 40)),
            st.tuples(st.just("send"), st.integers(1, 40)),
            st.tuples(st.just("forget"), st.integers(0, 200)),
            st.tuples(st.just("again"), st.integers(0, 200)),
        ),
        max_size=60,
    )
)
def test_kept_audio_is_what_was_given(steps: list[tuple[str, int]]) -> None:
    """Whatever is kept, sent and dropped, each piece is the audio of its place; none is unsent."""
    kept = KeptAudio(100)
    whole = bytearray()
    for what, size in steps:
        match what:
            case "give":
                block = bytes((len(whole) + n) % 251 for n in range(size))
                whole += block
                kept.give(block)
            case "send":
                at = kept.sent
                piece = kept.next_piece(size)
                assert piece == whole[at : at + len(piece)]
                assert len(piece) == min(size, kept.end - at)
            case "forget":
                kept.forget(min(size, kept.sent))
            case _:
                kept.send_again_from(size)
        assert kept.begin <= kept.sent <= kept.end == len(whole)
