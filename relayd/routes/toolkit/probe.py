"""The database question behind /health: asked once for everybody, and not too often.

/health needs no login, so it must not be a way to keep the database busy: however many ask, one
probe runs at a time and its answer is good for a second.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio

__all__ = ["Probe"]

_GOOD_SECONDS: Final = 1.0
# The database's own probe gives up after two.
_WAIT_SECONDS: Final = 3.0


@attrs.define(eq=False)
class Probe:
    """Coalesces and remembers the answers of ``ask``, which must be bounded in time."""

    ask: Callable[[], Awaitable[bool]]
    _asking: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _answer: bool = attrs.field(default=False, init=False)
    _good_until: float = attrs.field(default=float("-inf"), init=False)

    async def connected(self) -> bool:
        """Whether the database answered just now. Waiting too long counts as no."""
        with trio.move_on_after(_WAIT_SECONDS):
            async with self._asking:
                # Whoever waited for the lock finds the answer that was waited for.
                if trio.current_time() >= self._good_until:
                    self._answer = await self.ask()
                    self._good_until = trio.current_time() + _GOOD_SECONDS
                return self._answer
        return False
