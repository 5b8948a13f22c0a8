"""Why a file is not taken: a code for programs and a sentence for the caller."""

from relayd.errors import Unreadable

__all__ = ["broken", "empty", "no_audio", "too_costly", "too_long", "wrong_channels", "wrong_rate"]


def empty() -> Unreadable:
    """Nothing was handed in."""
    return Unreadable("empty", "The file is empty.")


def broken() -> Unreadable:
    """Nothing can be made of it."""
    return Unreadable("broken", "The file is broken, or is no recording that can be read.")


def no_audio() -> Unreadable:
    """A picture, a video without a sound track, a track without a packet."""
    return Unreadable("no_audio", "There is no sound in the file.")


def wrong_rate(rate: int, least: int, most: int) -> Unreadable:
    """It claims a rate that no recording of speech has."""
    return Unreadable(
        "sample_rate",
        f"The file claims {rate:,} samples a second; it may be from {least:,} to {most:,}.",
    )


def wrong_channels(channels: int, most: int) -> Unreadable:
    """It claims more channels than there are."""
    return Unreadable(
        "channels", f"The file claims {channels} channels; it may have from 1 to {most}."
    )


def too_long(seconds_max: int) -> Unreadable:
    """It lasts longer than this caller's recordings may."""
    hours, minutes = seconds_max // 3600, seconds_max % 3600 // 60
    longest = f"{hours} h {minutes:02} min" if hours else f"{seconds_max} seconds"
    return Unreadable(
        "too_long", f"The recording is longer than {longest}, the most that is taken."
    )


def too_costly() -> Unreadable:
    """It broke a limit of the process that opened it, or that process."""
    return Unreadable(
        "too_costly", "Reading the file takes more time or memory than a recording needs."
    )
