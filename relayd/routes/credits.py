"""How credit is shown: integer milliseconds inside, seconds and minutes at the interface."""

__all__ = ["remaining"]


def remaining(balance_ms: int) -> dict[str, float]:
    """Whole seconds, and minutes to one decimal; rounded down, so that none is promised."""
    return {
        "seconds_remaining": balance_ms // 1000,
        "minutes_remaining": balance_ms // 6000 / 10,
    }
