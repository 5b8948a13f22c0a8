"""The sound of a recording: whole, or in parts that are the whole."""

import wave
from itertools import pairwise
from pathlib import Path

import av
import pytest

from relayd.errors import Unreadable
from relayd.media.decoding import decode
from relayd.media.limits import MediaLimits
from tests.media.files import FORMS, encoded, header, loud, tone, wav

LIMITS = MediaLimits(duration_seconds_max=60)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the sound goes: empty."""
    made = tmp_path / "sound"
    made.mkdir()
    return made


def written(directory: Path, data: bytes) -> Path:
    """A file of these bytes beside the sound."""
    path = directory.parent / "recording"
    path.write_bytes(data)
    return path


def samples(path: Path) -> bytes:
    """What an engine reads of a part: 16 kHz, mono, 16 bits."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.sample_rate, stream.codec_context.channels) == (16_000, 1)
        frames = [bytes(frame.planes[0])[: frame.samples * 2] for frame in container.decode(stream)]
    return b"".join(frames)


@pytest.mark.parametrize("form", FORMS)
def test_every_common_form_is_decoded(directory: Path, form: str) -> None:
    """As one RIFF file of 16 kHz mono linear16 with the tone in it from end to end."""
    found = decode(written(directory, encoded(form)), directory, "wav", None, LIMITS)

    assert 3000 <= found["duration_ms"] <= 3050
    (part,) = found["parts"]
    levels = loud(directory / part["name"])
    assert all(6_000 < one < 10_000 for one in levels[2:29])
    assert [one.name for one in directory.iterdir()] == [part["name"]]


def test_channels_are_mixed(directory: Path) -> None:
    """Who speaks on the right is heard too."""
    mono = tone(1)
    right = b"".join(bytes(2) + mono[n : n + 2] for n in range(0, len(mono), 2))
    found = decode(written(directory, wav(right, channels=2)), directory, "wav", None, LIMITS)
    assert max(loud(directory / found["parts"][0]["name"])) > 2_000


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_parts_are_the_whole(directory: Path, form: str) -> None:
    """Each begins where the one before ends, in a silence, and no sample is lost or doubled."""
    speech = (tone(1.6) + bytes(16_000)) * 5
    path = written(directory, wav(speech))

    found = decode(path, directory, form, 5, LIMITS)

    parts = [samples(directory / one["name"]) for one in found["parts"]]
    assert b"".join(parts) == speech
    starts = [one["start_ms"] for one in found["parts"]]
    assert len(starts) == 3
    assert [after - before for before, after in pairwise(starts)] == [
        len(part) // 32 for part in parts[:-1]
    ]
    # 2.1 s each: 1.6 s of sound, then 0.5 s of silence.
    assert all(1_600 < start % 2_100 <= 2_100 for start in starts[1:])
    assert len(list(directory.iterdir())) == len(parts)


def test_a_damaged_packet_is_left_out(directory: Path) -> None:
    """What stands before and after it is heard."""
    data = bytearray(encoded("mp3"))
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    found = decode(written(directory, bytes(data)), directory, "wav", None, LIMITS)
    assert 2_700 <= found["duration_ms"] <= 3_050


def test_no_more_is_written_than_may_be(directory: Path) -> None:
    """The limit counts samples that come out, so nobody's disk fills."""
    path = written(directory, encoded("flac"))
    with pytest.raises(Unreadable) as refused:
        decode(path, directory, "wav", None, MediaLimits(duration_seconds_max=2))
    assert refused.value.code == "too_long"
    assert (
        refused.value.message == "The recording is longer than 2 seconds, the most that is taken."
    )
    assert (directory / "whole.wav").stat().st_size < 2.2 * 32_000


def test_a_file_without_a_sound_is_refused(directory: Path) -> None:
    """A header alone decodes to nothing."""
    with pytest.raises(Unreadable):
        decode(written(directory, header()), directory, "wav", None, LIMITS)


def test_what_stands_in_a_part_is_linear16(directory: Path) -> None:
    """RIFF parts are read by engines with the plainest of readers."""
    found = decode(written(directory, wav(tone(5))), directory, "wav", 2, LIMITS)
    for part in found["parts"]:
        with wave.open(str(directory / part["name"]), "rb") as sound:
            assert sound.getparams()[:3] == (1, 2, 16_000)
