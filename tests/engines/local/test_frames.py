"""The pipe's framing: frames down."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.engines.local.frames import (
    PAYLOAD_BYTES_MAX,
    Frame,
    FrameKind,
    read_frame,
)


@given(st.lists(st.builds(Frame, st.sampled_from(FrameKind), st.binary(max_size=50)), max_size=8))
def test_frames_come_out_as_they_went_in(frames: list[Frame]) -> None:
    """A pipe full of frames reads back as the same frames, then ends."""
    pipe = io.BytesIO(b"".join(frame.encode() for frame in frames))

    assert [read_frame(pipe) for _ in frames] == frames
    assert read_frame(pipe) is None


def test_a_frame_that_was_cut_off_is_the_end() -> None:
    """A daemon that died in the middle of a frame left nothing to be done."""
    encoded = Frame(FrameKind.AUDIO, b"abc").encode()

    assert [read_frame(io.BytesIO(encoded[:n])) for n in range(len(encoded))] == [None] * 8


@pytest.mark.parametrize("encoded", [b"?\0\0\0\0", b"A\xff\xff\xff\xff"])
def test_what_no_daemon_writes_is_refused(encoded: bytes) -> None:
    """An unknown kind or an impossible length is an error, not an allocation."""
    with pytest.raises(ValueError, match=r"frame too long|not a valid FrameKind"):
        read_frame(io.BytesIO(encoded))


@given(st.integers(0, 3 * PAYLOAD_BYTES_MAX + 1))
def test_audio_is_cut_into_small_frames_that_add_up(length: int) -> None:
    """No frame is longer than the bound, none is empty, and no byte is lost."""
    audio = bytes(range(256)) * (length // 256) + bytes(length % 256)

    payloads = [frame.payload for frame in Frame.cut(audio)]

    assert b"".join(payloads) == audio
    assert all(0 < len(payload) <= PAYLOAD_BYTES_MAX for payload in payloads)
