"""What an answer says of its user's plan: how many requests are left, and how many seconds.

``RateLimit-*`` as in draft-ietf-httpapi-ratelimit-headers-07; ``Quota-*`` are ours.
"""

import math
from typing import Final

from quart import Response, g

from relayd.plans.rates import Admission

__all__ = ["PLAN_HEADERS", "announce", "announced"]

PLAN_HEADERS: Final = (
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Quota-Remaining-Seconds",
    "Quota-Expiring-Seconds",
)


def announce(admission: Admission) -> None:
    """Have the answer to this request say it, a refusal too."""
    g.plan_headers = {
        "RateLimit-Limit": str(admission.limit),
        "RateLimit-Remaining": str(admission.remaining),
        "RateLimit-Reset": str(math.ceil(admission.reset_seconds)),
        "Quota-Remaining-Seconds": str(admission.balance_ms // 1000),
        "Quota-Expiring-Seconds": str(admission.expiring_ms // 1000),
    }


def announced(response: Response) -> Response:
    """The answer, with what was announced for it."""
    for name, value in g.get("plan_headers", {}).items():
        response.headers[name] = value
    return response
