"""What audio costs: the rate of a model, from audio to credit and back. Pure integer arithmetic.

A rate is a whole number of milliseconds of credit for a second of audio, so 1000 sells a second
for a second. A charge is rounded up once, from the exact total: cutting the same audio differently
costs the same, and nothing adds up over many pieces.
"""

from typing import Final

import attrs

from relayd.speech.formats import AudioFormat

__all__ = ["EVEN", "Tariff"]


@attrs.frozen
class Tariff:
    """The price of one model's audio, for live streams and for whole files."""

    # Milliseconds of credit for a second of audio.
    rate: int = 1000

    def __attrs_post_init__(self) -> None:
        assert self.rate > 0

    def charge(self, audio_ms: int) -> int:
        """The credit that so much audio costs in all, in milliseconds, rounded up."""
        return -(-audio_ms * self.rate // 1000)

    def charge_bytes(self, audio_bytes: int, audio: AudioFormat, dearer: int = 0) -> int:
        """The same for raw audio, by its exact length.

        ``dearer``: what part of it cost more than it would at this rate; bytes by rate.
        """
        weight = audio_bytes * self.rate + dearer
        return -(-weight * audio.billed_channels // audio.bytes_per_second)

    def affordable_bytes(self, credit_ms: int, audio: AudioFormat, dearer: int = 0) -> int:
        """The most whole blocks of raw audio that this credit covers."""
        weight = credit_ms * audio.bytes_per_second - dearer * audio.billed_channels
        affordable = weight // (audio.billed_channels * self.rate)
        return affordable - affordable % audio.block_bytes


# A second for a second.
EVEN: Final = Tariff()
