"""The named thread limits: one per purpose, so that no kind of work queues behind another.

Trio's default limiter is shared by everything: a trivial job waited 3.7 s there behind sixty
logins. None of them is ever used with `abandon_on_cancel` where money is written.
"""

import attrs
import trio

__all__ = ["Threads"]


@attrs.frozen
class Threads:
    """How many threads each purpose may have at once. Build it inside `trio.run`."""

    # One thread per connection of the pool: more would only wait inside the pool.
    database: trio.CapacityLimiter
    # bcrypt is pure computation of about 0.2 s: two cores' worth leaves the loop room.
    passwords: trio.CapacityLimiter
    # Waiting for worker processes to start or to end.
    engines: trio.CapacityLimiter

    @classmethod
    def build(cls, *, database: int = 8, passwords: int = 2, engines: int = 4) -> "Threads":
        """The limits of one daemon; ``database`` is the size of its connection pool."""
        return cls(
            database=trio.CapacityLimiter(database),
            passwords=trio.CapacityLimiter(passwords),
            engines=trio.CapacityLimiter(engines),
        )
