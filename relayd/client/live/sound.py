"""Blocks of sound as apps have them, turned into what every source takes: 16 kHz, mono, 16 bits.

A block is bytes of 16-bit samples, or anything with the buffer protocol whose items are 16-bit
integers or floats from -1 to 1: a numpy array, an `array`, a memoryview of sounddevice's.
"""

import math
from typing import Any, Final

import attrs

__all__ = ["SAMPLE_RATE", "Sound", "SoundError", "level_of"]

SAMPLE_RATE: Final = 16_000
_FULL_SCALE: Final = 32_767
_SAMPLE_BYTES: Final = 2
# A silent room is quieter: nothing is shown below.
_QUIETEST_DB: Final = -60.0
# 15 ms behind at most, measured; the next better one is 19 ms behind and sounds alike to engines.
_QUALITY: Final = "MQ"


class SoundError(TypeError):
    """A block is of no kind that can be understood; the text says which would be."""


@attrs.define(eq=False)
class Sound:
    """Turns the blocks of one device into PCM. ``sample_rate`` and ``channels`` are the device's.

    Samples of several channels are interleaved, or the second dimension of an array; they are
    mixed. One thread at a time.
    """

    sample_rate: int = SAMPLE_RATE
    channels: int = 1
    _rest: bytes = attrs.field(init=False, default=b"")
    _resampler: Any = attrs.field(init=False, default=None)

    def pcm(self, block: Any) -> bytes:
        """The block as PCM; what does not make a whole sample waits for the next.

        Raises `SoundError`.
        """
        view = _view(block)
        if view.format in {"f", "d"}:
            samples = self._floats(view)
        else:
            whole = self._rest + view.tobytes()
            size = len(whole) - len(whole) % (_SAMPLE_BYTES * self.channels)
            self._rest = whole[size:]
            if self.channels == 1 and self.sample_rate == SAMPLE_RATE:
                return whole[:size]
            samples = self._integers(whole[:size])
        if self.channels > 1:
            samples = samples.reshape(-1, self.channels).mean(axis=1)
        return self._finish(samples, last=False)

    def flush(self) -> bytes:
        """What a resampler held back, after the last block."""
        self._rest = b""
        if self._resampler is None:
            return b""
        import numpy as np  # noqa: PLC0415 - see `_floats`

        rest = self._finish(np.zeros(0, dtype="float32"), last=True)
        self._resampler = None
        return rest

    def _floats(self, view: memoryview) -> Any:
        # An app that has floats has numpy; one that gives bytes needs none of it.
        import numpy as np  # noqa: PLC0415

        samples = np.asarray(view, dtype="float32").reshape(-1)
        if len(samples) % self.channels:
            raise SoundError(f"a block of floats holds whole frames of {self.channels} channels")
        return np.nan_to_num(samples, posinf=1.0, neginf=-1.0)

    def _integers(self, pcm: bytes) -> Any:
        import numpy as np  # noqa: PLC0415 - see `_floats`

        return np.frombuffer(pcm, dtype="<i2").astype("float32") / _FULL_SCALE

    def _finish(self, samples: Any, *, last: bool) -> bytes:
        """From mono floats of the device's rate to PCM."""
        if self.sample_rate != SAMPLE_RATE:
            if self._resampler is None:
                import soxr  # type: ignore[import-untyped]  # noqa: PLC0415 - only for other rates

                self._resampler = soxr.ResampleStream(
                    self.sample_rate, SAMPLE_RATE, 1, dtype="float32", quality=_QUALITY
                )
            samples = self._resampler.resample_chunk(samples.astype("float32"), last=last)
        pcm: bytes = (samples.clip(-1.0, 1.0) * _FULL_SCALE).round().astype("<i2").tobytes()
        return pcm


def level_of(pcm: bytes) -> float:
    """How loud PCM is, for a meter: 0 for silence, 1 for full scale, even steps of loudness."""
    samples = memoryview(pcm[: len(pcm) // _SAMPLE_BYTES * _SAMPLE_BYTES]).cast("h")
    if not samples:
        return 0.0
    loudest, lowest = max(samples), min(samples)
    peak = max(loudest, -lowest)
    if peak == 0:
        return 0.0
    decibels = 20 * math.log10(peak / _FULL_SCALE)
    return min(max(1 - decibels / _QUIETEST_DB, 0.0), 1.0)


def _view(block: Any) -> memoryview:
    try:
        view = memoryview(block)
    except TypeError:
        view = None
    if view is None or view.format not in {"B", "b", "c", "h", "<h", "f", "d"}:
        kind = type(block).__name__ if view is None else f"items of format {view.format!r}"
        raise SoundError(
            f"a block of sound is bytes, 16-bit integers or floats from -1 to 1, not {kind}"
        )
    return view
