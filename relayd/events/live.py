"""What a route needs to show credit live."""

import attrs

from relayd.events.credit import Reader
from relayd.events.hub import Hub

__all__ = ["LiveCredit"]


@attrs.frozen
class LiveCredit:
    """Who is woken, and what is read then."""

    hub: Hub
    reader: Reader
