"""relayd.toml written from the keys themselves: the example file, and what `relayd init` makes.

`python -m relayd.config.example` prints relayd.toml.example.
"""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from relayd.config.keys import Array, Key, KeyField, arrays, of_field, walk
from relayd.config.secret import Secret
from relayd.config.whole import Config

__all__ = ["render"]

_WIDTH: Final = 96
_HEAD: Final = """\
Every key of relayd, with its unit, default and reason. A line that begins with "#" and a key
shows the default: take the "#" away to change it.

Each key can also be set by the environment: RELAYD_SERVER__LISTEN for listen in [server],
RELAYD_ENGINES__DEEPGRAM__API_KEY for api_key in [engines.deepgram]; lists comma separated.
Each secret can also come from a file: secret_file = "path" here, RELAYD_AUTH__SECRET_FILE in
the environment, or systemd's LoadCredential=auth.secret:/path. The environment is stronger
than a credential, and a credential is stronger than this file. Relative paths start at the
directory of this file. A list of tables is set as a whole: RELAYD_PACKAGES='[{…}, {…}]'.

`relayd check` says whether all is well."""


def render(given: Mapping[str, str]) -> str:
    """A relayd.toml with these values by dotted names, every other key commented out."""
    unknown = given.keys() - {field.name for field in walk(Config)}
    assert not unknown, unknown
    return "\n".join(["\n".join(_comment(_HEAD)), *_section(Config, "", given)]) + "\n"


def _section(section: type, name: str, given: Mapping[str, str]) -> Iterator[str]:
    lists = {array.name: array for array in arrays(section, f"{name}." if name else "")}
    for field in attrs.fields(section):
        key = of_field(field)
        if key is None:
            continue
        below = f"{name}.{field.name}" if name else field.name
        if below in lists:
            yield from _array(lists[below])
            continue
        if isinstance(field.type, type) and attrs.has(field.type):
            yield from _header(field.type, below, key)
            yield from _section(field.type, below, given)
        else:
            yield ""
            yield from _entry(KeyField(below, key, field), given)


def _header(section: type, name: str, key: Key) -> Iterator[str]:
    # A section that holds sections only, [engines], has no keys to head.
    if any(not attrs.has(field.type) for field in attrs.fields(section) if field.type):
        yield from ["", "", f"[{name}]", *_comment(key.why)]


def _array(array: Array) -> Iterator[str]:
    """What each key of a table means, then the default tables."""
    yield from ["", "", *_comment(f"[[{array.name}]], a list of tables. {array.key.why}"), "#"]
    for field in array.fields():
        short = field.name.rpartition(".")[2]
        yield from _comment(f"{short}: {field.key.why} {_facts(field)}")
    for table in array.field.default or ():
        yield from ["", f"# [[{array.name}]]"]
        for field in array.fields():
            short = field.name.rpartition(".")[2]
            if getattr(table, short) is not None:
                yield f"# {short} = {_toml(getattr(table, short))}"


def _entry(field: KeyField, given: Mapping[str, str]) -> Iterator[str]:
    key = field.key
    yield from _comment(key.why)
    yield from _comment(_facts(field))
    short = field.name.rpartition(".")[2]
    if field.name in given:
        yield f"{short} = {_toml(given[field.name])}"
    elif field.default is attrs.NOTHING:
        yield f'{short} = ""'
    else:
        yield f"# {short} = {_toml(field.default)}"


def _facts(field: KeyField) -> str:
    key = field.key
    facts = [key.unit] if key.unit else []
    if key.choices:
        facts.append("one of " + ", ".join(f'"{one}"' for one in key.choices))
    if key.least is not None and key.most is not None:
        facts.append(f"{key.least:.15g} to {key.most:.15g}")
    if field.default is attrs.NOTHING:
        facts.append("required")
    elif field.default is None:
        facts.append("default: not set")
    else:
        facts.append(f"default {_toml(field.default)}")
    return f"({'; '.join(facts)})"


def _toml(value: Any) -> str:
    if isinstance(value, Secret):
        value = value.reveal()
    if value is None:
        return '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, str | Path):
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value:.15g}"


def _comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        wrapped = textwrap.wrap(line, _WIDTH - 2, break_on_hyphens=False)
        yield from (f"# {one}" for one in wrapped) if wrapped else ("#",)


if __name__ == "__main__":
    print(render({}), end="")  # noqa: T201 - standard output is what this is for
