"""Durations: integer milliseconds inside, seconds wherever somebody else reads them."""

__all__ = ["seconds"]


def seconds(milliseconds: int) -> int | float:
    """To the millisecond; whole seconds without a fraction, for apps that read them as integers."""
    whole, rest = divmod(milliseconds, 1000)
    return milliseconds / 1000 if rest else whole
