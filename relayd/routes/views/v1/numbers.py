"""Whole numbers in a request's query."""

from typing import Final

from quart import request

from relayd.routes.toolkit.bodies import INVALID_FIELD

__all__ = ["NUMBER_MAX", "number_asked"]

# What PostgreSQL counts with.
NUMBER_MAX: Final = 2**63 - 1


def number_asked(name: str, usual: int | None, most: int) -> int | None:
    """The field of this name, from 1 to ``most``; ``usual`` where it is left out or empty."""
    text = request.args.get(name, "").strip()
    if not text:
        return usual
    readable = text.isascii() and text.isdigit() and len(text) <= len(str(NUMBER_MAX))
    if not readable or not 1 <= int(text) <= most:
        raise INVALID_FIELD.problem(f"The field {name} must be a whole number from 1 to {most:,}.")
    return int(text)
