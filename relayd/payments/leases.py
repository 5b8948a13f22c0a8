"""How long a row that a worker took is its own, and when one that failed is due again.

Rows are taken by writing when they are due again, so that no other daemon takes them meanwhile and
none is lost with the worker. That time must be longer than the work: a row that two work on at once
is harmless here, but asks Stripe twice for nothing.
"""

from typing import Final

import attrs

from relayd.payments.ports import StripeApi

__all__ = ["FIRST_PAUSE_SECONDS", "Lease"]

# After the first failure; twice as long after each further one, up to the bound of its table.
FIRST_PAUSE_SECONDS: Final = 15
# A transaction that began in time is waited for beyond it: for a connection, for each statement,
# and once more where the connection was lost.
_DATABASE_SECONDS: Final = 30


@attrs.frozen
class Lease:
    """What work on one row may take: who took the row stops at ``work_seconds``."""

    work_seconds: float

    @property
    def seconds(self) -> float:
        """From being taken to being due again, where nothing is heard of the worker."""
        return self.work_seconds + _DATABASE_SECONDS

    @classmethod
    def of_calls(cls, stripe: StripeApi, calls: int) -> "Lease":
        """For so many calls of Stripe's, one after the other."""
        return cls(calls * stripe.call_seconds)
