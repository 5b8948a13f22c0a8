"""A backup that is cut short or changed anywhere is known before anything is done with it."""

import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.backups.manifest import Manifest, pepper_mark, read_manifest, seal
from relayd.config import Secret
from relayd.errors import OperatorError

ARCHIVE = bytes(range(256)) * 40
MADE = Manifest(
    relayd="0.1.0",
    made_at="2026-01-31T12:00:00+00:00",
    postgresql=18,
    schema="public",
    migration=4,
    rows={"users": 3, "boots": 1},
    balanced=True,
    pepper_mark="00000000",
)


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole one."""
    path = tmp_path_factory.mktemp("backup") / "backup"
    path.write_bytes(ARCHIVE)
    seal(path, MADE)
    return path


def test_it_is_read_as_it_was_sealed(backup: Path) -> None:
    """Everything comes back, and the archive stands first, untouched."""
    manifest = read_manifest(backup)
    assert attrs.evolve(manifest, sha256="") == MADE
    assert manifest.total_rows == 4
    assert backup.read_bytes().startswith(ARCHIVE)


@given(data=st.data())
def test_any_change_is_found(backup: Path, data: st.DataObject) -> None:
    """One byte changed, or any part of the end missing: refused, in one line."""
    whole = backup.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        changed = whole[:at]
    else:
        # A manifest's own text may be changed into another that is as good; its facts may not.
        at %= len(ARCHIVE)
        changed = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    path = backup.with_name("changed")
    path.write_bytes(changed)
    with pytest.raises(OperatorError) as refused:
        read_manifest(path)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("line", ["[]", "{}", '{"relayd": 1}', "nonsense", '{"later": true}'])
def test_a_manifest_that_is_none(tmp_path: Path, line: str) -> None:
    """The last line says what it should, or the file is refused."""
    path = tmp_path / "backup"
    path.write_bytes(ARCHIVE + b"\nrelayd-backup " + line.encode() + b"\n")
    with pytest.raises(OperatorError, match="damaged, or made by a later relayd"):
        read_manifest(path)


def test_what_is_no_backup(tmp_path: Path) -> None:
    """Nothing there, a directory, an empty file, another program's archive."""
    (tmp_path / "empty").touch()
    (tmp_path / "other").write_bytes(ARCHIVE)
    for name, told in {
        "missing": "No such file",
        ".": "Is a directory",
        "empty": "no whole backup",
        "other": "no whole backup",
    }.items():
        with pytest.raises(OperatorError, match=told):
            read_manifest(tmp_path / name)


def test_a_peppers_mark() -> None:
    """It tells two apart and doesn't hold either."""
    pepper, other = Secret("p" * 48), Secret("q" * 48)
    assert pepper_mark(pepper) == pepper_mark(Secret("p" * 48)) != pepper_mark(other)
    assert len(pepper_mark(pepper)) == 8
    assert json.dumps(pepper_mark(pepper)).find("pp") < 0
