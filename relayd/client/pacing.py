"""Sends recorded audio at the pace it was spoken: chunk n at start plus n durations, no drift."""

import attrs
import trio

__all__ = ["Pace"]


@attrs.define(eq=False)
class Pace:
    """The live clock of one recording.

    Each moment is reckoned from the start, not from the last chunk, so lateness never adds up.
    The clock starts with the first call. ``speed`` 2.0 is twice as fast as live.
    """

    bytes_per_second: int
    speed: float = 1.0
    sent_bytes: int = 0
    _started_at: float | None = attrs.field(init=False, default=None)

    @property
    def position_seconds(self) -> float:
        """How much audio was let through."""
        return self.sent_bytes / self.bytes_per_second

    async def wait(self, chunk_bytes: int) -> None:
        """Wait for the moment at which this many further bytes may go."""
        if self._started_at is None:
            self._started_at = trio.current_time()
        await trio.sleep_until(self._started_at + self.position_seconds / self.speed)
        self.sent_bytes += chunk_bytes
