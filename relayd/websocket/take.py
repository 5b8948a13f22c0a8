"""What a receiver is offered in the call that read it."""

from collections.abc import Callable
from typing import Final

__all__ = ["TURN_MESSAGES", "Take", "announcing", "any_message", "last_messages", "no_message"]

# Of one connection in one turn of the pump: its neighbours are served in between.
TURN_MESSAGES: Final = 32
# What a peer has under way when it is told that it is over, at live pace, is far less.
LAST_MESSAGES: Final = 1024

# Offered a message, whether it is taken. It must not wait.
Take = Callable[[str | bytes], bool]


def no_message(message: str | bytes) -> bool:
    """Take nothing."""
    return False


def any_message(message: str | bytes) -> bool:
    """Take everything, and drop it."""
    return True


def announcing(come: Callable[[], object]) -> Take:
    """Take nothing; call back when there is something."""

    def announce(message: str | bytes) -> bool:
        come()
        return False

    return announce


def last_messages(take: Take, enough: Callable[[], object]) -> Take:
    """Offer what still comes to ``take``.

    At the last of `LAST_MESSAGES` ``enough`` is called; what was read together with it is dropped.
    """
    left = LAST_MESSAGES

    def bounded(message: str | bytes) -> bool:
        nonlocal left
        left -= 1
        if left == 0:
            enough()
        return left < 0 or take(message)

    return bounded
