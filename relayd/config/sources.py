"""Where values come from: the file's tables, the environment, systemd's credentials.

The stronger source wins, key by key: environment over credential over file. Each secret
may also be named by the path of a file (`secret_file`), so that it need not stand in
relayd.toml or in a process listing.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from relayd.config.keys import KeyField
from relayd.config.values import from_text
from relayd.errors import ConfigError

__all__ = ["Keys", "from_credentials", "from_environment", "from_tables"]

Keys = Mapping[str, KeyField]

_FILE: Final = "_file"
_PREFIX: Final = "RELAYD_"
# A key file is a line of text; whatever is larger was named by mistake.
_SECRET_BYTES_MAX: Final = 64 * 1024


def from_tables(keys: Keys, tables: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """The values of a parsed relayd.toml by their dotted names."""
    found: dict[str, Any] = {}
    files: dict[str, str] = {}
    for name, value in _flat(keys, tables, ""):
        if name in keys:
            found[name] = value
        elif _secret_named(keys, name):
            if not isinstance(value, str):
                raise ConfigError(name, "must be a path in quotes")
            files[name.removesuffix(_FILE)] = value
        else:
            raise _unknown(keys, name)
    return found | _read_files(keys, files, found, directory)


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
    paths = {name: Path(directory, name) for name, field in keys.items() if field.secret}
    return {name: _read_secret(name, path) for name, path in paths.items() if path.exists()}


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
) -> dict[str, str]:
    for name in files:
        if name in beside:
            raise ConfigError(name, f"is set and {name}{_FILE} too: keep one of them")
    return {
        name: _read_secret(f"{name}{_FILE}", directory / Path(path).expanduser())
        for name, path in files.items()
    }


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
