"""What a receiver is offered in the call that read it."""

from collections.abc import Callable

__all__ = ["Take", "any_message", "no_message"]

# Offered a message, whether it is taken. It must not wait.
Take = Callable[[str | bytes], bool]


def no_message(message: str | bytes) -> bool:
    """Take nothing."""
    return False


def any_message(message: str | bytes) -> bool:
    """Take everything, and drop it."""
    return True
