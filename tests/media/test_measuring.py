"""How long a recording is: by its packets, whatever its header claims; and what is refused."""

import struct
from pathlib import Path

import pytest

from relayd.errors import Unreadable
from relayd.media.limits import MediaLimits
from relayd.media.measuring import measure
from tests.media.files import FORMS, encoded, header, tone, wav

LIMITS = MediaLimits(duration_seconds_max=60)


def written(directory: Path, data: bytes) -> Path:
    """A file of these bytes; its name tells nothing."""
    path = directory / "recording"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_common_form_is_measured(tmp_path: Path, form: str) -> None:
    """Three seconds are three seconds; a codec may add the silence of two of its frames."""
    found = measure(written(tmp_path, encoded(form)), LIMITS)

    assert 3000 <= found["duration_ms"] <= 3050
    assert found["channels"] == 1
    assert found["sample_rate"] == FORMS[form][2]


def test_a_header_is_not_believed(tmp_path: Path) -> None:
    """An MP3 that was cut off claims three seconds and holds one."""
    whole = encoded("mp3")
    found = measure(written(tmp_path, whole[: len(whole) // 3]), LIMITS)
    assert 900 <= found["duration_ms"] <= 1100


def test_a_recording_of_a_stream_is_measured(tmp_path: Path) -> None:
    """Its header was written before anybody knew how long it would be."""
    streamed = wav(tone(2))
    claims_most = streamed[:40] + b"\xff\xff\xff\xff" + streamed[44:]
    assert measure(written(tmp_path, claims_most), LIMITS)["duration_ms"] == 2000


def video_only() -> bytes:
    """A QuickTime file of one atom that says nothing of sound."""
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"these are words and no sound\n" * 100, "broken"),
        (header(), "no_audio"),
        (video_only(), "broken"),
        (encoded("m4a")[:1000], "broken"),
        # 100 kB that would be 14 hours.
        (header(rate=1, data_bytes=100_000) + bytes(100_000), "sample_rate"),
        (header(rate=3_999, data_bytes=8_000) + bytes(8_000), "sample_rate"),
        (header(rate=2**31 - 1, data_bytes=8_000) + bytes(8_000), "sample_rate"),
        (header(channels=500, data_bytes=8_000) + bytes(8_000), "channels"),
        (wav(bytes(2 * 4_000 * 61), rate=4_000), "too_long"),
    ],
    ids=["empty", "text", "head", "mp4", "cut", "1Hz", "slow", "fast", "channels", "long"],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    """With a reason for programs, and a sentence for people."""
    with pytest.raises(Unreadable) as refused:
        measure(written(tmp_path, data), LIMITS)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize(
    "data",
    [
        b"ffconcat version 1.0\nfile secret.wav\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.wav\n#EXT-X-ENDLIST\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    ],
    ids=["concat", "hls", "sdp"],
)
def test_a_list_of_other_files_is_no_recording(tmp_path: Path, data: bytes) -> None:
    """Otherwise anybody could have this machine's files, and its neighbours', read to him."""
    (tmp_path / "secret.wav").write_bytes(wav(tone(1)))
    with pytest.raises(Unreadable) as refused:
        measure(written(tmp_path, data), LIMITS)
    assert refused.value.code == "broken"
