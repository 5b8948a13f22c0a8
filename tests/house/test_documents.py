"""What the documents say is what the program does."""

import re
from decimal import Decimal
from html import unescape
from pathlib import Path

import attrs
import pytest

from relayd.config import Config, load
from relayd.config.example import render
from relayd.config.keys import KeyField, arrays, of_field, walk
from relayd.dialects.native import CLOSE_CODES, ERROR_CODES
from relayd.session.endings import EndReason
from tests.config.files import SECRETS
from tests.house.tree import ROOT, committed_texts, listed

KEYS = tuple(walk(Config))
ARRAYS = tuple(arrays(Config))
ARRAY_KEYS = tuple(field for array in ARRAYS for field in array.fields())
EXAMPLE = ROOT / "relayd.toml.example"


def test_the_example_is_what_the_code_says() -> None:
    """Every key with its unit, default and reason; `make example` writes it anew."""
    assert EXAMPLE.read_text(encoding="utf-8") == render({})


def test_the_example_loads_and_changes_nothing() -> None:
    """With the two required secrets it is a configuration, and one of defaults only."""
    config = load(EXAMPLE, SECRETS)
    for field in KEYS:
        value = config
        for name in field.name.split("."):
            value = getattr(value, name)
        if field.default is not attrs.NOTHING:
            expected = ROOT / field.default if isinstance(field.default, Path) else field.default
            assert value == expected, field.name


def test_the_commented_defaults_load(tmp_path: Path) -> None:
    """Taking the "#" away from every default is a valid configuration, equal to the defaults."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    names = {field.name.rpartition(".")[2] for field in (*KEYS, *ARRAY_KEYS)}
    names |= {f"[[{array.name}]]" for array in ARRAYS}
    bare = [
        line.removeprefix("# ") if line.removeprefix("# ").split(" = ")[0] in names else line
        for line in lines
    ]
    path = tmp_path / "relayd.toml"
    path.write_text("\n".join(bare), encoding="utf-8")
    plain = tmp_path / "plain.toml"
    plain.write_text("")
    assert attrs.evolve(load(path, SECRETS), path=plain) == load(plain, SECRETS)


EXPLAINED = (*KEYS, *ARRAY_KEYS)


@pytest.mark.parametrize("field", EXPLAINED, ids=[one.name for one in EXPLAINED])
def test_every_key_is_explained_and_bounded(field: KeyField) -> None:
    """A key has a reason and a unit, and a number has a range that its default is in."""
    assert field.key.why.endswith(".")
    assert field.key.unit
    if field.item in {int, float, Decimal}:
        assert field.key.least is not None
        assert field.key.most is not None
        if field.default is attrs.NOTHING or field.default is None:
            return
        values = field.default if field.several else (field.default,)
        assert all(field.key.least <= value <= field.key.most for value in values)


def test_no_configuration_field_is_forgotten() -> None:
    """Every field of every section is a key, but the path of the file that was read."""
    plain = [field.name for field in attrs.fields(Config) if of_field(field) is None]
    assert plain == ["path"]


@pytest.mark.parametrize("reason", EndReason, ids=[one.label for one in EndReason])
def test_every_end_is_in_the_protocol_document(reason: EndReason) -> None:
    """App authors find each reason, error code and close code in a row of docs/protocol.md."""
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    # An en dash stands for none.
    code = f"`{ERROR_CODES[reason]}`" if reason in ERROR_CODES else "\N{EN DASH}"
    assert f"\n| `{reason.label}` | {code} | {CLOSE_CODES[reason]} | " in text


def test_the_page_for_programs_says_what_the_protocol_does() -> None:
    """/docs names each message, field, option, reason and code of docs/protocol.md's tables."""
    protocol = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    page = unescape((ROOT / "webui" / "docs.html").read_text(encoding="utf-8"))
    rows = [line.split(" | ") for line in protocol.splitlines() if line.startswith("| `")]
    # What it is about stands first; a table of four columns has codes in the next two.
    cells = [cell for row in rows for cell in (row[:3] if len(row) > 3 else row[:1])]
    named = {word for cell in cells for word in re.findall(r"\w+", cell)}
    assert len(named) > 60
    missing = [one for one in named if not re.search(rf"\b{one}\b", page)]
    assert not missing


def test_every_promise_names_what_holds_it() -> None:
    """Each row of promises on the security page names a test or a driver that is there."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    promises = text.partition("## What is promised")[2].partition("## OWASP")[0]
    rows = [
        line.strip("| ").rsplit(" | ", 1)[1]
        for line in promises.splitlines()
        if line.startswith("| ") and not line.startswith("| promise")
    ]
    assert len(rows) > 20
    for row in rows:
        tests = re.findall(r"`(tests/[\w/]+\.py)`", row)
        drivers = re.findall(r"`([a-z]+)`", row)
        benches = re.findall(r"`python -m bench\.(\w+)`", row)
        assert tests or drivers or benches, row
        paths = [*tests, *(f"bench/{one}.py" for one in benches)]
        paths += [f"bench/faults/{one}.py" for one in drivers]
        assert not [one for one in paths if not (ROOT / one).is_file()], row
        # A contract is run by the tests of who keeps it, under their names.
        assert not [one for one in tests if not Path(one).name.startswith("test_")], row


# Spelled in parts, or this file would be its own finding.
UNWANTED = {
    "a package index's address": ["pypi" + ".org", "pythonhosted" + ".org", "extra-index" + "-url"],
    "a path of somebody's machine": ["/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/"],
    "a path that is not in the repository": [".." + "/shared"],
}


@pytest.mark.parametrize("what", UNWANTED)
def test_nothing_of_our_machines_is_in_the_repository(what: str) -> None:
    """What is committed holds true on everybody's machine."""
    found = [
        f"{path.relative_to(ROOT)}: {one}"
        for path in committed_texts()
        for one in UNWANTED[what]
        if one in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not found


def test_nothing_that_a_run_leaves_is_in_the_repository() -> None:
    """What `.gitignore` names was not committed before it was named."""
    assert not listed("--cached", "--ignored", "--exclude-standard")
