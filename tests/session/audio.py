"""Audio of the default format: 16 kHz mono linear16, 32 bytes a millisecond."""

__all__ = ["frame"]


def frame(ms: int) -> bytes:
    """Silence of this many milliseconds."""
    return bytes(32 * ms)
