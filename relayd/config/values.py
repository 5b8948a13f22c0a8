"""One value for one key: its type, then its range and form.

A secret's value stands in no error text, whatever is wrong with it.
"""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from relayd.config.keys import KeyField
from relayd.config.secret import Secret
from relayd.errors import ConfigError

__all__ = ["as_decimal", "checked", "from_text"]

_WORDS: Final = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    bool: "true or false",
    Path: "a path in quotes",
    Secret: "a text in quotes",
}


def checked(field: KeyField, value: Any, directory: Path) -> Any:
    """The value as the field's type; relative paths are taken from ``directory``.

    Raises ConfigError with what is wrong and what would be right.
    """
    if field.several:
        # One value may stand for a list of one.
        items = value if isinstance(value, list) else [value]
        return tuple(_item(field, one, directory) for one in items)
    if field.optional and value == "":
        return None
    return _item(field, value, directory)


def from_text(field: KeyField, text: str) -> Any:
    """An environment variable as the value that a file would have held."""
    if field.several:
        # An IPv6 listener starts with a bracket too.
        if text.strip().startswith("[") and text.strip().endswith("]"):
            return _toml(field, text)
        parts = text.replace("\n", ",").split(",")
        return [_scalar(field, one.strip()) for one in parts if one.strip()]
    return _scalar(field, text)


def as_decimal(value: Decimal | int | str) -> Decimal:
    """The exact number; the converter of every key that enters into sums of money."""
    return Decimal(value)


def _scalar(field: KeyField, text: str) -> Any:
    return _typed(field, text, strict=False)


def _toml(field: KeyField, text: str) -> Any:
    try:
        return tomllib.loads(f"list = {text}")["list"]
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            field.name, f"is neither a TOML list nor comma separated: {error}"
        ) from None


def _item(field: KeyField, value: Any, directory: Path) -> Any:
    kind, typed = field.item, _typed(field, value, strict=True)
    if kind in {int, float, Decimal}:
        return _in_range(field, typed)
    if kind is bool:
        return typed
    _check_text(field, typed)
    if kind is Path:
        if not typed:
            raise ConfigError(field.name, "must be a path, not empty")
        return directory / Path(typed).expanduser()
    return Secret(typed) if kind is Secret else typed


def _typed(field: KeyField, value: Any, *, strict: bool) -> Any:
    """The value as its key's type; one that is a text at first unless ``strict``.

    The file's fractions come as they were written, so that money is never a float.
    """
    kind = str if field.item in {Path, Secret} else field.item
    # A text is a decimal number to msgspec, also where it is strict.
    if strict and kind is Decimal and isinstance(value, str):
        raise _wrong_type(field, value)
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError:
        # Its own words name neither the key nor the remedy, and may hold a secret.
        raise _wrong_type(field, value) from None


def _in_range(field: KeyField, value: Any) -> Any:
    if isinstance(value, Decimal) and not value.is_finite():
        raise _wrong_type(field, value)
    least, most = field.key.least, field.key.most
    # Written this way round, nan is refused too.
    if not ((least is None or value >= least) and (most is None or value <= most)):
        unit = f" {field.key.unit}" if field.key.unit else ""
        shown = f"{value:.15g}" if isinstance(value, float) else value
        raise ConfigError(
            field.name, f"must be from {least:.15g} to {most:.15g}{unit}, not {shown}"
        )
    return value


def _check_text(field: KeyField, value: str) -> None:
    key = field.key
    if key.choices and value not in key.choices:
        names = ", ".join(f'"{one}"' for one in key.choices)
        raise ConfigError(field.name, f"must be one of {names}, not {value!r}")
    if key.least_bytes and not value:
        raise ConfigError(field.name, "is empty; `relayd init` makes good ones")
    if len(value.encode()) < key.least_bytes:
        raise ConfigError(
            field.name,
            f"is {len(value.encode())} bytes long and must be {key.least_bytes} or more; "
            "`relayd init` makes good ones",
        )
    problem = key.form(value) if key.form else None
    if problem:
        raise ConfigError(field.name, problem if field.secret else f"{problem}, not {value!r}")


def _wrong_type(field: KeyField, value: Any) -> ConfigError:
    expected = _WORDS[field.item]
    if field.item in {int, float, Decimal} and field.key.unit:
        expected += f" ({field.key.unit})"
    if field.several:
        expected += ", or a list of them"
    shown = "another type" if field.secret else _as_written(value)
    return ConfigError(field.name, f"must be {expected}, not {shown}")


def _as_written(value: Any) -> str:
    """As the file has it, so that it is found there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, Decimal) else repr(value)
