"""What of a request's body is taken: how much, how fast, and in what way it reaches its view."""

import attrs

__all__ = ["BodyPolicy"]


@attrs.frozen
class BodyPolicy:
    """A route's own bounds. ``seconds``: from the end of the head to the end of the body.

    ``streamed``: the view takes it piece by piece, and what it does not take yet stays with its
    sender. Else it is whole in memory before the view gets it.
    """

    bytes_max: int
    seconds: float
    streamed: bool = False
