"""Find relayd.toml, read it, let environment and credentials override it, check all of it."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

from relayd.config import contradictions, sources
from relayd.config.keys import Array, arrays, of_field, walk
from relayd.config.values import checked
from relayd.config.whole import Config
from relayd.errors import ConfigError

__all__ = ["DEFAULT_PATHS", "load"]

DEFAULT_PATHS: Final = (Path("relayd.toml"), Path("/etc/relayd/relayd.toml"))


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The checked configuration.

    ``path`` is what --config said; None looks for ./relayd.toml, then /etc/relayd/relayd.toml,
    and does without a file where neither exists. Raises ConfigError.
    """
    path = path or next((one for one in DEFAULT_PATHS if one.exists()), None)
    directory = path.absolute().parent if path else Path.cwd()
    keys = {field.name: field for field in walk(Config)}
    tables = _read(path) if path else {}
    several = tuple(arrays(Config))
    lists = {one.name: _array(one, tables, environ, directory) for one in several}
    environ = sources.without_arrays(several, environ)
    from_file = sources.from_tables(keys, tables, directory)
    outside = sources.from_credentials(keys, environ) | sources.from_environment(keys, environ)
    values: dict[str, Any] = {name: built for name, built in lists.items() if built is not None}
    for name, value in (from_file | outside).items():
        # Relative paths of the environment are the caller's, those of the file are the file's.
        values[name] = checked(keys[name], value, Path.cwd() if name in outside else directory)
    for name, field in keys.items():
        if name not in values and field.default is attrs.NOTHING:
            raise ConfigError(name, _missing(path))
        if name not in values and isinstance(field.default, Path):
            values[name] = directory / field.default
    config: Config = _build(Config, "", values, path=path)
    contradictions.refuse(config)
    return config


def _array(
    array: Array, tables: dict[str, Any], environ: Mapping[str, str], directory: Path
) -> tuple[Any, ...] | None:
    """The tables of a list, built; None where nobody wrote one. Taken out of ``tables``."""
    value, origin = sources.take_array(array, tables), directory
    outside = sources.array_from_environment(array, environ)
    if outside is not None:
        value, origin = outside, Path.cwd()
    if value is None:
        return None
    built = []
    for position, found in enumerate(sources.array_from_tables(array, value, origin)):
        values = {}
        for field in array.fields(position):
            if field.name in found:
                values[field.name] = checked(field, found[field.name], origin)
            elif field.default is attrs.NOTHING:
                raise ConfigError(field.name, f"is not set; each of [[{array.name}]] needs it")
        built.append(_build(array.table, f"{array.name}[{position}].", values))
    return tuple(built)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode(), parse_float=Decimal)
    except OSError as error:
        raise ConfigError(str(path), f"can't be read: {os.strerror(error.errno or 0)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"is not valid TOML: {_position(error)}") from None


def _position(error: ValueError) -> str:
    # A decoding error's text would quote the file, secrets included.
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)


def _missing(path: Path | None) -> str:
    if path:
        return f"is not set in {path}, the environment or a credential; `relayd init` makes one"
    looked = " and ".join(str(one) for one in DEFAULT_PATHS)
    return f"is not set, and there is no {looked}: make a configuration with `relayd init`"


def _build(section: type, prefix: str, values: Mapping[str, Any], **also: Any) -> Any:
    """An instance of the section from the values below this prefix; the rest are defaults."""
    return section(**dict(_arguments(section, prefix, values)), **also)


def _arguments(section: type, prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for field in attrs.fields(section):
        name = f"{prefix}{field.name}"
        if of_field(field) is None:
            continue
        if isinstance(field.type, type) and attrs.has(field.type):
            yield field.name, _build(field.type, f"{name}.", values)
        elif name in values:
            yield field.name, values[name]
