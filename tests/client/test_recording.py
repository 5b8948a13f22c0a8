"""Audio files as 16 kHz mono PCM, decoded by PyAV."""

import array
import contextlib
import math
import os
import random
import re
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
import trio

from relayd.client import AudioError
from relayd.client.recording import CHUNK_BYTES, Recording


def tone(path: Path, *, rate: int = 8_000, channels: int = 2, seconds: float = 2.55) -> Path:
    """A WAV file with a tone in every channel."""
    frames = int(rate * seconds)
    samples = array.array(
        "h",
        (int(8000 * math.sin(n / 5)) for n in range(frames) for _ in range(channels)),
    )
    with wave.open(str(path), "wb") as audio:
        audio.setparams((channels, 2, rate, frames, "NONE", ""))
        audio.writeframes(samples.tobytes())
    return path


async def decoded(recording: Recording, *, bound: int = 1) -> list[bytes]:
    """All of its chunks, through a channel of this bound."""
    sending, receiving = trio.open_memory_channel[bytes](bound)
    chunks = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recording.feed, sending)
        async for chunk in receiving:
            chunks.append(chunk)  # noqa: PERF401 (a comprehension would return out of a nursery)
    return chunks


async def test_any_format_becomes_16_khz_mono(tmp_path: Path) -> None:
    """Rate and channels are converted, in pieces of 100 ms, none of the audio missing."""
    recording = await Recording.open(tone(tmp_path / "tone.wav"))
    assert recording.total_seconds == pytest.approx(2.55)
    chunks = await decoded(recording)
    assert {len(chunk) for chunk in chunks[:-1]} == {CHUNK_BYTES}
    assert sum(map(len, chunks)) / 32_000 == pytest.approx(2.55, abs=0.01)
    assert any(chunks[5])


async def test_audio_at_the_right_rate_is_untouched(tmp_path: Path) -> None:
    """16 kHz mono comes through bit by bit."""
    path = tone(tmp_path / "tone.wav", rate=16_000, channels=1)
    with wave.open(str(path)) as audio:
        samples = audio.readframes(audio.getnframes())
    assert b"".join(await decoded(await Recording.open(path))) == samples


@pytest.mark.parametrize(
    ("content", "wording"),
    [(b"this is no audio" * 100, "can be read|no audio track"), (b"", "can be read")],
)
async def test_no_audio(tmp_path: Path, content: bytes, wording: str) -> None:
    """What is no audio is named, in words and not in a traceback."""
    path = tmp_path / "file.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=wording):
        await Recording.open(path)


async def test_no_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(AudioError, match="nowhere: no such file"):
        await Recording.open(tmp_path / "nowhere")


async def test_empty_recording(tmp_path: Path) -> None:
    """A recording of no length is an error, not an empty success."""
    recording = await Recording.open(tone(tmp_path / "tone.wav", seconds=0))
    with pytest.RaisesGroup(pytest.RaisesExc(AudioError, match="no sound")):
        await decoded(recording)


async def test_pyav_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the text says what to install."""
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match=r"relayd\[local\]"):
        await Recording.open(tmp_path / "tone.wav")


def encoded(path: Path, codec: str, *, seconds: int = 3, **options: str) -> Path:
    """Noise, which compresses badly, in another codec and container."""
    container = av.open(str(path), "w", options=options)
    stream = container.add_stream(codec, rate=48_000, layout="mono")
    assert isinstance(stream, av.AudioStream)
    noise = path.with_suffix(".wav")
    with wave.open(str(noise), "wb") as audio:
        audio.setparams((1, 2, 48_000, 0, "NONE", ""))
        audio.writeframes(random.Random(1).randbytes(48_000 * 2 * seconds))  # noqa: S311 - test noise
    source = av.open(str(noise))
    resampler = av.AudioResampler(stream.format.name, "mono", 48_000, stream.frame_size or None)
    for frame in (*source.decode(audio=0), None):
        for piece in resampler.resample(frame):
            container.mux(stream.encode(piece))
    container.mux(stream.encode(None))
    container.close()
    source.close()
    return path


@pytest.mark.parametrize(
    ("suffix", "codec"), [("m4a", "aac"), ("ogg", "libopus"), ("flac", "flac"), ("mp3", "mp3")]
)
async def test_damage_is_told(tmp_path: Path, suffix: str, codec: str) -> None:
    """What the decoder leaves out of a damaged file is counted, and a whole file has no loss."""
    path = encoded(tmp_path / f"tone.{suffix}", codec)
    recording = await Recording.open(path)
    await decoded(recording)
    assert recording.loss == ""

    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : third + len(content) // 5] = b"\xa5" * (len(content) // 5)
    path.write_bytes(content)
    recording = await Recording.open(path)
    heard = sum(map(len, await decoded(recording))) / 32_000
    told = re.fullmatch(
        rf"at least ([\d.]+) s of tone\.{suffix} are damaged or missing, and were left out",
        recording.loss,
    )
    assert told
    lost = float(told[1])
    assert (
        0 < lost <= 3.1 - heard if suffix == "mp3" else lost == pytest.approx(3 - heard, abs=0.15)
    )


@contextlib.contextmanager
def standard_input(descriptor: int) -> Iterator[None]:
    """Read this instead."""
    saved = os.dup(0)
    os.dup2(descriptor, 0)
    try:
        yield
    finally:
        os.dup2(saved, 0)
        os.close(saved)


@pytest.mark.parametrize(("options", "readable"), [({}, False), ({"movflags": "faststart"}, True)])
async def test_a_piped_m4a(tmp_path: Path, options: dict[str, str], readable: bool) -> None:
    """An M4A with its table at the end can't come through a pipe, and the text says what to do."""
    # Longer than what libav keeps of a stream, or it would still have the sound.
    path = encoded(tmp_path / "tone.m4a", "aac", seconds=15, **options)
    reading, writing = os.pipe()

    async def write() -> None:
        async with trio.lowlevel.FdStream(writing) as pipe:
            with contextlib.suppress(trio.BrokenResourceError):
                await pipe.send_all(path.read_bytes())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        with standard_input(reading):
            if readable:
                heard = sum(map(len, await decoded(await Recording.open(None))))
                assert heard / 32_000 == pytest.approx(15, abs=0.1)
            else:
                refusal = r"standard input: .*at the end.*faststart"
                with pytest.RaisesGroup(pytest.RaisesExc(AudioError, match=refusal)):
                    await decoded(await Recording.open(None))
        os.close(reading)


@pytest.mark.system
async def test_standard_input_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait for standard input ends when it is cancelled, though a thread reads it."""
    reading, writing = os.pipe()
    try:
        with standard_input(reading), trio.move_on_after(0.1) as scope:
            await Recording.open(None)
        assert scope.cancelled_caught
    finally:
        os.close(reading)
        os.close(writing)
