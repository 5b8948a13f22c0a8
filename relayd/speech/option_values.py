"""What a single client option may hold: one small reader per kind of value.

A reader turns a JSON value into the strings that stand in an engine's query, or says what
would have been right. It is lenient exactly where apps in the field are (numbers and booleans
as strings) and never raises, whatever JSON is put in.
"""

import re
from collections.abc import Callable
from typing import Final

import attrs

__all__ = ["Reader", "WrongValue", "choice", "flag", "flag_or", "pattern", "phrases", "whole"]

# Enough for every whole number that an option takes; int() is never given more digits.
_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


@attrs.frozen
class WrongValue:
    """Why a value is refused; completes the sentence that begins with the key's name."""

    text: str


# No strings at all means: leave the option out, its default is what was asked for.
Reader = Callable[[object], tuple[str, ...] | WrongValue]


def flag(value: object) -> tuple[str, ...] | WrongValue:
    """A boolean, or the word for one."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return (value.lower(),)
    if value is True:
        return ("true",)
    if value is False:
        return ("false",)
    return WrongValue("must be true or false")


def whole(lowest: int, highest: int, unit: str) -> Reader:
    """Read a whole number within bounds, as a number or as its digits."""

    def read(value: object) -> tuple[str, ...] | WrongValue:
        number: int | None = None
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, str) and _DIGITS.fullmatch(value):
            number = int(value)
        if number is None or not lowest <= number <= highest:
            return WrongValue(f"must be a whole number of {unit} from {lowest} to {highest}")
        return (str(number),)

    return read


def flag_or(number: Reader) -> Reader:
    """Read a number, or false to switch the option off, or true for its default."""

    def read(value: object) -> tuple[str, ...] | WrongValue:
        switch = flag(value)
        if not isinstance(switch, WrongValue):
            return switch if switch == ("false",) else ()
        found = number(value)
        return WrongValue(f"{found.text}, or false") if isinstance(found, WrongValue) else found

    return read


def choice(*allowed: str) -> Reader:
    """Read one of a few words."""
    wanted = WrongValue("must be one of " + ", ".join(allowed))

    def read(value: object) -> tuple[str, ...] | WrongValue:
        if value is True or value is False:
            value = str(value).lower()
        return (value,) if isinstance(value, str) and value in allowed else wanted

    return read


def pattern(expression: str, what: str) -> Reader:
    """Read a string of a known form."""
    compiled = re.compile(expression, re.ASCII)

    def read(value: object) -> tuple[str, ...] | WrongValue:
        if isinstance(value, str) and compiled.fullmatch(value):
            return (value,)
        return WrongValue(f"must be {what}")

    return read


def phrases(most: int, longest: int, *, only: frozenset[str] = frozenset()) -> Reader:
    """Read one string or a list of them, at most ``most`` of at most ``longest`` characters."""
    wanted = (
        WrongValue("must be one or several of " + ", ".join(sorted(only)))
        if only
        else WrongValue(
            f"must be a string or a list of at most {most} strings, "
            f"each of 1 to {longest} printable characters"
        )
    )

    def read(value: object) -> tuple[str, ...] | WrongValue:
        values = value if isinstance(value, list | tuple) else [value]
        if len(values) > most:
            return wanted
        found: list[str] = []
        for one in values:
            # isprintable() is False for control characters and for lone surrogates.
            if not isinstance(one, str) or not 1 <= len(one) <= longest or not one.isprintable():
                return wanted
            if only and one not in only:
                return wanted
            found.append(one)
        return tuple(found)

    return read
