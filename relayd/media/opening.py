"""A stranger's file, opened with libav: only kinds of files that hold nothing but media.

Runs in the child. Some of libav's formats are lists of other files and addresses (HLS, DASH,
concat, SDP), which it would open too: they are not on the list below, and no protocol but that
of files is. Video is skipped, never decoded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import av
import av.container
import av.error
from av.stream import Discard

from relayd.media import refusals

__all__ = ["RATE_MAX", "RATE_MIN", "Track", "opened"]

# By libav's names of its demuxers.
_FORMATS: Final = (
    "aa aac ac3 aiff amr amrnb amrwb ape asf au avi caf dsf dts eac3 flac flv gsm iff ircam "
    "latm loas matroska mlp mov mp3 mpc mpc8 mpeg mpegts mxf nistsphere nut oga ogg oma qoa rm "
    "sox tak truehd tta voc w64 wav webm wsaud wtv wv xwma"
)
_OPTIONS: Final = {
    "format_whitelist": ",".join(_FORMATS.split()),
    "protocol_whitelist": "file",
}

# Below 4 kHz there is no speech, and a header that claims 1 Hz makes 100,000 s of 100 kB.
RATE_MIN: Final = 4_000
# Twice that of the finest studios.
RATE_MAX: Final = 384_000
# Theatres have 64; what claims more is broken.
CHANNELS_MAX: Final = 64


class Track:
    """The first audio track of an opened file."""

    def __init__(self, container: av.container.InputContainer) -> None:
        self.container = container
        # libav gives a stream that it can't decode no context.
        tracks = [one for one in container.streams.audio if one.codec_context is not None]
        if not tracks:
            raise refusals.broken() if container.streams.audio else refusals.no_audio()
        self.stream = tracks[0]
        for one in container.streams:
            one.discard = Discard.default if one is self.stream else Discard.all

    @property
    def format(self) -> str:
        """The kind of file, by libav's name."""
        return self.container.format.name

    @property
    def codec(self) -> str:
        """How the sound is packed, by libav's name."""
        return self.stream.codec_context.codec.canonical_name

    @property
    def sample_rate(self) -> int:
        """Samples a second that the file claims, 0 where it claims none."""
        return self.stream.codec_context.sample_rate or 0

    @property
    def channels(self) -> int:
        """How many channels the file claims."""
        return self.stream.codec_context.channels or 0

    def packets(self) -> "Iterator[av.Packet[av.AudioStream]]":
        """Every packet with sound in it, up to where the file is broken; at least one is not.

        Raises Unreadable where none can be read.
        """
        found = False
        try:
            for packet in self.container.demux(self.stream):
                # The last one is empty: it flushes a decoder.
                found = found or packet.size > 0
                yield packet
        except av.error.FFmpegError as error:
            if not found:
                raise refusals.broken() from error

    def check(self) -> None:
        """Refuse what no recording of speech claims to be. Raises Unreadable."""
        if not RATE_MIN <= self.sample_rate <= RATE_MAX:
            raise refusals.wrong_rate(self.sample_rate, RATE_MIN, RATE_MAX)
        if not 1 <= self.channels <= CHANNELS_MAX:
            raise refusals.wrong_channels(self.channels, CHANNELS_MAX)


@contextmanager
def opened(path: Path) -> Iterator[Track]:
    """Open a file, its audio track chosen and judged. Raises Unreadable."""
    if path.stat().st_size == 0:
        raise refusals.empty()
    try:
        # A path is never taken for an address.
        with av.open(
            f"file:{path}", options=dict(_OPTIONS), metadata_errors="replace"
        ) as container:
            track = Track(container)
            track.check()
            yield track
    except (av.error.FFmpegError, ValueError) as error:
        raise refusals.broken() from error
