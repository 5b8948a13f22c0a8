"""The named thread limits: one per purpose, so that no kind of work queues behind another.

Trio's default limiter is shared by everything: a trivial job waited 3.7 s there behind sixty
logins. None of them is ever used with `abandon_on_cancel` where money is written.
"""

import os
from typing import Final

import attrs
import trio

__all__ = ["Threads", "cores"]


# Behind more than these a login storm would only fill the cores.
PASSWORDS_MAX: Final = 4


@attrs.frozen
class Threads:
    """How many threads each purpose may have at once. Build it inside `trio.run`."""

    # One thread per connection of the pool: more would only wait inside the pool.
    database: trio.CapacityLimiter
    # bcrypt is pure computation of about 0.2 s: a core stays free for the loop.
    passwords: trio.CapacityLimiter

    @classmethod
    def build(cls, *, database: int = 8, passwords: int | None = None) -> "Threads":
        """The limits of one daemon; ``database`` is the size of its connection pool.

        ``passwords`` is by default all cores but one: with as many as there are, audio
        waits for its turn on a core (p99 7 ms instead of 2 beside twenty logins, on two cores).
        """
        if passwords is None:
            passwords = min(max(cores() - 1, 1), PASSWORDS_MAX)
        return cls(
            database=trio.CapacityLimiter(database),
            passwords=trio.CapacityLimiter(passwords),
        )


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
