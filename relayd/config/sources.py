"""Where values come from: the file's tables, the environment, systemd's credentials.

The stronger source wins, key by key: environment over credential over file. Each secret
may also be named by the path of a file (`secret_file`), so that it need not stand in
relayd.toml or in a process listing.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from relayd.config.keys import Array, KeyField
from relayd.config.values import from_text
from relayd.errors import ConfigError

__all__ = [
    "Keys",
    "array_from_environment",
    "array_from_tables",
    "array_variable",
    "from_credentials",
    "from_environment",
    "from_tables",
    "take_array",
    "without_arrays",
]

Keys = Mapping[str, KeyField]

_FILE: Final = "_file"
_PREFIX: Final = "RELAYD_"
# A key file is a line of text; whatever is larger was named by mistake.
_SECRET_BYTES_MAX: Final = 64 * 1024


def from_tables(
    keys: Keys, tables: Mapping[str, Any], directory: Path, prefix: str = ""
) -> dict[str, Any]:
    """The values of a parsed relayd.toml by their dotted names; ``prefix`` stands before them."""
    found: dict[str, Any] = {}
    files: dict[str, str] = {}
    for name, value in _flat(keys, tables, prefix):
        if name in keys:
            found[name] = value
        elif _secret_named(keys, name):
            if not isinstance(value, str):
                raise ConfigError(name, "must be a path in quotes")
            files[name.removesuffix(_FILE)] = value
        else:
            raise _unknown(keys, name)
    return found | _read_files(keys, files, found, directory)


def take_array(array: Array, tables: dict[str, Any]) -> Any:
    """What the file holds of a list of tables, taken out of it; None where nobody wrote one."""
    for section in array.name.split(".")[:-1]:
        tables = tables.get(section, {})
        if not isinstance(tables, dict):
            # Whoever reads the sections says what is wrong with it.
            return None
    return tables.pop(array.short, None)


def array_from_tables(array: Array, value: Any, directory: Path) -> list[dict[str, Any]]:
    """The values of each table of a list by their full names, ``packages[1].id``."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ConfigError(
            array.name, f"is a list of tables: write [[{array.name}]] and its keys below, for each"
        )
    found = []
    for position, table in enumerate(value):
        keys = {field.name: field for field in array.fields(position)}
        found.append(from_tables(keys, table, directory, f"{array.name}[{position}]."))
    return found


def array_from_environment(array: Array, environ: Mapping[str, str]) -> Any:
    """The list that RELAYD_PACKAGES holds as TOML, which replaces the file's; None without it."""
    text = environ.get(array_variable(array), "").strip()
    if not text:
        return None
    try:
        return tomllib.loads(f"list = {text}", parse_float=Decimal)["list"]
    except tomllib.TOMLDecodeError as error:
        problem = f"must be a TOML list of tables, [{{…}}, {{…}}]: {error}"
        raise ConfigError(array.name, problem) from None


def array_variable(array: Array) -> str:
    """The variable that holds a list of tables as TOML."""
    return _PREFIX + array.name.upper().replace(".", "__")


def without_arrays(several: Iterable[Array], environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment without the variables of lists of tables."""
    taken = {array_variable(array) for array in several}
    return {name: text for name, text in environ.items() if name not in taken}


def from_environment(keys: Keys, environ: Mapping[str, str]) -> dict[str, Any]:
    """The values of RELAYD_SECTION__KEY variables. Relative paths: from the working directory."""
    found: dict[str, Any] = {}
    files: dict[str, str] = {}
    for variable, text in environ.items():
        # Names without "__" are no keys: RELAYD_TOKEN and its like are for the client.
        if not variable.startswith(_PREFIX) or "__" not in variable:
            continue
        name = variable.removeprefix(_PREFIX).lower().replace("__", ".")
        if name in keys:
            found[name] = from_text(keys[name], text)
        elif _secret_named(keys, name):
            files[name.removesuffix(_FILE)] = text
        else:
            raise _unknown(keys, name, where=f" (set by the variable {variable})")
    return found | _read_files(keys, files, found, Path.cwd())


def from_credentials(keys: Keys, environ: Mapping[str, str]) -> dict[str, Any]:
    """The secrets in systemd's $CREDENTIALS_DIRECTORY, each in a file of its dotted name."""
    directory = environ.get("CREDENTIALS_DIRECTORY", "")
    if not directory:
        return {}
    try:
        there = {path.name: path for path in Path(directory).iterdir()}
    except OSError as error:
        problem = f"can't be read: {os.strerror(error.errno or 0)}"
        remedy = "systemd makes it for the unit's own user; outside of a unit, unset the variable"
        raise ConfigError(f"$CREDENTIALS_DIRECTORY ({directory})", f"{problem}; {remedy}") from None
    return {
        name: from_text(field, _read_secret(name, there[name]))
        for name, field in keys.items()
        if field.secret and name in there
    }


def _flat(keys: Keys, tables: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    sections = {name.rpartition(".")[0] for name in keys}
    sections |= {name.partition(".")[0] for name in sections}
    for key, value in tables.items():
        name = prefix + key
        if name in sections:
            if not isinstance(value, dict):
                raise ConfigError(name, f"is a section: write [{name}] and its keys below")
            yield from _flat(keys, value, f"{name}.")
        elif isinstance(value, dict) and name not in keys:
            raise _unknown(keys, name)
        else:
            yield name, value


def _secret_named(keys: Keys, name: str) -> bool:
    field = keys.get(name.removesuffix(_FILE))
    return name.endswith(_FILE) and field is not None and field.secret


def _read_files(
    keys: Keys, files: Mapping[str, str], beside: Mapping[str, Any], directory: Path
) -> dict[str, Any]:
    for name in files:
        if name in beside:
            raise ConfigError(name, f"is set and {name}{_FILE} too: keep one of them")
    texts = {
        name: _read_secret(f"{name}{_FILE}", directory / Path(path).expanduser())
        for name, path in files.items()
    }
    return {name: from_text(keys[name], text) for name, text in texts.items()}


def _read_secret(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_SECRET_BYTES_MAX + 1)
        text = content.decode()
    except OSError as error:
        problem = f"can't read {path}: {os.strerror(error.errno or 0)}"
        raise ConfigError(name, f"{problem}; it must be readable by the user of relayd") from None
    except UnicodeDecodeError:
        # The cause would hold the bytes of the secret.
        raise ConfigError(name, f"{path} is not UTF-8 text") from None
    if len(content) > _SECRET_BYTES_MAX:
        raise ConfigError(name, f"{path} is larger than any secret: is it the right file?")
    return text.strip()


def _unknown(keys: Keys, name: str, where: str = "") -> ConfigError:
    known = [*keys, *(f"{one}{_FILE}" for one, field in keys.items() if field.secret)]
    # Right key in the wrong section, else the nearest spelling.
    last = name.rpartition(".")[2]
    near = [one for one in known if one.rpartition(".")[2] == last]
    near = near or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "relayd.toml.example lists every key"
    return ConfigError(name, f"is not a known key{where}; {hint}")
