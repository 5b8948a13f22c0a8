"""How long the sound of a file is: counted from its packets, never believed from its header.

Runs in the child. Headers lie: an MP3 of varying bit rate without an index claims three per cent
too much, one that was cut off claims its old length, a stream's recording claims nothing.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

from relayd.media import refusals
from relayd.media.limits import MediaLimits
from relayd.media.opening import Track, opened

__all__ = ["measure"]


def measure(path: Path, limits: MediaLimits) -> dict[str, Any]:
    """Measure the first audio track: the fields of `recordings.Measured`. Raises Unreadable."""
    with opened(path) as track:
        seconds = _packet_seconds(track, limits)
        found = {
            "duration_ms": int(seconds * 1000),
            "format": track.format,
            "codec": track.codec,
            "sample_rate": track.sample_rate,
            "channels": track.channels,
        }
    if found["duration_ms"] == 0:
        raise refusals.no_audio()
    return found


def _packet_seconds(track: Track, limits: MediaLimits) -> Fraction:
    """How long all packets last together, exactly.

    A packet that doesn't say it lasts until the next one begins.
    """
    units = 0
    base = track.stream.time_base or Fraction(1, track.sample_rate)
    units_max = limits.duration_seconds_max / base
    unsaid_from: int | None = None
    for packet in track.packets():
        if packet.size == 0:
            continue
        if unsaid_from is not None and packet.pts is not None:
            units += max(packet.pts - unsaid_from, 0)
        unsaid_from = None if packet.duration else packet.pts
        units += max(packet.duration or 0, 0)
        if units > units_max:
            raise refusals.too_long(limits.duration_seconds_max)
    return units * base
