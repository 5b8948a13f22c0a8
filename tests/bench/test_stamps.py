"""Points in time that travel through a relay, and their percentiles."""

import json

from bench.engine import result
from bench.stamps import STAMP_BYTES, in_words, of_audio, of_words, percentile
from bench.wire import FrameReader
from relayd.dialects.native import NativeDialect
from relayd.engines.deepgram.messages import parse
from relayd.speech.words import Transcript


def test_a_stamp_survives_the_relay() -> None:
    """From the engine's result through our parser and formatter to the client."""
    (one,) = FrameReader().feed(result(2, 123_456_789_012_345))
    event = parse(one.payload.decode())
    assert isinstance(event, Transcript)
    (text,) = NativeDialect().result(event)
    assert of_words(text.encode()) == 123_456_789_012_345


def test_a_message_without_a_stamp_has_none() -> None:
    """A ready message, for example."""
    assert of_words(json.dumps({"type": "ready"}).encode()) is None
    assert of_words(in_words(17).encode()) is None


def test_audio_carries_its_stamp_in_front() -> None:
    """Eight bytes, little-endian."""
    assert of_audio((10**15).to_bytes(STAMP_BYTES, "little") + b"audio") == 10**15


def test_percentiles_are_nearest_ranks() -> None:
    """In milliseconds, of sorted nanoseconds."""
    ordered = [n * 1_000_000 for n in range(1, 101)]
    assert [percentile(ordered, p) for p in (50, 99, 100)] == [50, 99, 100]
    assert percentile([7_000_000], 50) == 7
    assert percentile([], 99) == 0


def test_interim_results_restate_their_window_and_a_final_closes_it() -> None:
    """Three interim results and a final one make a second, as the real ones do."""
    found = []
    for index in range(5):
        (one,) = FrameReader().feed(result(index, 10**12))
        message = json.loads(one.payload)
        found.append((message["start"], message["duration"], message["is_final"]))
    assert found == [
        (0, 0.25, False),
        (0, 0.5, False),
        (0, 0.75, False),
        (0, 1, True),
        (1, 0.25, False),
    ]
