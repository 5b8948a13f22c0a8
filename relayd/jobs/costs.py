"""What a recording costs: integers, and every rounding in one place.

A second of audio costs its model's rate, in thousandths of a second of credit. What is set aside
is the measured length, rounded up to a whole second; what is charged is what was decoded, never
more than was measured. Both are rounded up to a millisecond, so that nothing is free and what is
charged never exceeds what was set aside.
"""

from typing import Final

from relayd.speech.tariff import EVEN, Tariff

__all__ = ["RATE_PER_MILLE", "charge_ms", "cost_ms", "hold_ms", "rate_of"]

# A second of credit for a second of audio.
RATE_PER_MILLE: Final = EVEN.rate


def rate_of(model: str) -> int:
    """What a second of audio costs with this model where nothing else is configured."""
    del model
    return RATE_PER_MILLE


def cost_ms(audio_ms: int, rate_per_mille: int) -> int:
    """Credit for so much audio, as live streams are charged; at a rate of 0 it is free."""
    return Tariff(rate_per_mille).charge(audio_ms) if rate_per_mille else 0


def hold_ms(measured_ms: int, rate_per_mille: int) -> int:
    """What is set aside for a recording of this length."""
    return cost_ms(_whole_seconds(measured_ms), rate_per_mille)


def charge_ms(decoded_ms: int, measured_ms: int, rate_per_mille: int) -> int:
    """What a recording costs of which so much was transcribed."""
    return cost_ms(min(decoded_ms, _whole_seconds(measured_ms)), rate_per_mille)


def _whole_seconds(audio_ms: int) -> int:
    return -(-audio_ms // 1000) * 1000
