"""Raw audio: what a second of it weighs, and how often that is charged."""

from typing import Final

import attrs

__all__ = ["SAMPLE_BYTES", "AudioFormat"]

# Bytes per sample of the headerless encodings. Source: Deepgram, "Encoding"
# (linear16 = signed 16-bit PCM, linear32 = 32-bit float PCM, mulaw and alaw = G.711).
SAMPLE_BYTES: Final = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}


@attrs.frozen
class AudioFormat:
    """A raw audio format. What it costs is for a `relayd.speech.tariff.Tariff` to say.

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
