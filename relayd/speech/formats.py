"""Raw audio: what it weighs, and what it costs. Pure integer arithmetic."""

from typing import Final

import attrs

__all__ = ["SAMPLE_BYTES", "AudioFormat"]

# Bytes per sample of the headerless encodings. Source: Deepgram, "Encoding"
# (linear16 = signed 16-bit PCM, linear32 = 32-bit float PCM, mulaw and alaw = G.711).
SAMPLE_BYTES: Final = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}


@attrs.frozen
class AudioFormat:
    """A raw audio format: what one second of it weighs, and what it costs.

    With ``multichannel`` every channel is transcribed, and paid for, by itself.
    """

    encoding: str = "linear16"
    sample_rate: int = 16_000
    channels: int = 1
    multichannel: bool = False

    @property
    def block_bytes(self) -> int:
        """One sample of every channel: audio is only ever cut at its multiples."""
        return SAMPLE_BYTES[self.encoding] * self.channels

    @property
    def bytes_per_second(self) -> int:
        """The weight of one second of audio."""
        return self.block_bytes * self.sample_rate

    @property
    def billed_channels(self) -> int:
        """How many times one second of this audio is charged."""
        return self.channels if self.multichannel else 1

    def milliseconds(self, audio_bytes: int) -> int:
        """The credit that this many bytes cost, rounded up."""
        return -(-audio_bytes * 1000 * self.billed_channels // self.bytes_per_second)

    def affordable_bytes(self, credit_ms: int) -> int:
        """The most whole blocks that this credit covers."""
        blocks = credit_ms * self.sample_rate // (1000 * self.billed_channels)
        return blocks * self.block_bytes
