"""`relayd backup` and `relayd restore`, as an operator drills them."""

import json
import subprocess
from pathlib import Path

import psycopg
import pytest

from relayd.backups.tools import find_tools
from relayd.cli.toolkit.exits import Exit
from tests.cli.commands import EMAIL, Command, answered, url
from tests.ledger.store import Store

pytestmark = pytest.mark.system

PASSWORD = "correct horse\n"


@pytest.fixture
def backup(relayd: Command, tmp_path: Path) -> Path:
    """Of a database with one account and its credit."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin=PASSWORD)
    relayd("credit", "grant", EMAIL, "600", "--reason", "x")
    path = tmp_path / "backup"
    code, out, err = relayd("backup", str(path))
    assert (code, err) == (Exit.OK, "")
    assert out.startswith(f"wrote {path}: ")
    return path


@pytest.fixture
def elsewhere(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """From now on commands work on an empty database."""
    monkeypatch.setenv("RELAYD_DATABASE__URL", url(empty_database_url))
    return empty_database_url


def test_a_drill(backup: Path, relayd: Command, elsewhere: str) -> None:
    """Back up, restore elsewhere, and everything is there and well."""
    code, out, err = relayd("restore", str(backup))
    assert (code, err) == (Exit.OK, "")
    assert out.endswith("the schema is whole, every row is there\nthe books balance\n")
    assert [one["email"] for one in answered(relayd("user", "list", "--json"))] == [EMAIL]
    assert relayd("audit")[:2] == (Exit.OK, "balanced\n")
    assert relayd("check", "--offline")[0] == Exit.OK


def test_secrets_are_named_and_not_copied(
    relayd: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are set, by their keys; in the file is none of them."""
    monkeypatch.setenv("RELAYD_ENGINES__DEEPGRAM__API_KEY", "a key of ours")
    told = answered(relayd("backup", str(tmp_path / "backup"), "--json"))
    named = ["database.url", "auth.secret", "auth.pepper", "engines.deepgram.api_key"]
    assert told["secrets_not_in_it"] == named
    assert b"a key of ours" not in (tmp_path / "backup").read_bytes()


def test_what_is_there_is_left(backup: Path, relayd: Command) -> None:
    """It takes --replace to throw it away, and the refusal says what there is."""
    code, out, err = relayd("restore", str(backup))
    assert (code, out) == (Exit.USAGE, "")
    assert "not empty (1 accounts, " in err
    assert "--replace" in err
    report = answered(relayd("restore", "--replace", "--json", str(backup)))
    assert (report["balanced"], report["same_pepper"]) == (True, True)


def test_another_pepper(
    backup: Path, relayd: Command, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are there, and nobody could sign in: it is said at once."""
    monkeypatch.setenv("RELAYD_AUTH__PEPPER", "another pepper, of 32 bytes or more")
    code, out, _ = relayd("restore", str(backup))
    assert code == Exit.NOT_WELL
    assert "auth.pepper is another than that of the backup" in out


def test_books_that_do_not_balance(
    relayd: Command, database_url: str, elsewhere: str, tmp_path: Path
) -> None:
    """Backup and restore do their work, say so, and end with 1."""
    with psycopg.connect(database_url) as connection:
        who = Store(connection).add_user()
        change = "UPDATE credit_balance SET balance_ms = 7 WHERE user_id = %s"
        connection.execute(change, (who.user_id,))
    path = str(tmp_path / "backup")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("RELAYD_DATABASE__URL", url(database_url))
        assert relayd("backup", path)[0] == Exit.NOT_WELL
    code, out, _ = relayd("restore", path)
    assert code == Exit.NOT_WELL
    assert "do NOT balance (neither did those of the backup)" in out


def test_a_damaged_file(backup: Path, relayd: Command, elsewhere: str) -> None:
    """One line, and the database stays empty."""
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)
    code, out, err = relayd("restore", str(backup))
    assert (code, out) == (Exit.USAGE, "")
    assert "its checksum is wrong" in err
    with psycopg.connect(elsewhere) as connection:
        assert connection.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").rowcount == 0


def test_check_finds_a_half_restore(backup: Path, relayd: Command, elsewhere: str) -> None:
    """Tables and rows without what comes last, as a restore by hand leaves them."""
    with psycopg.connect(elsewhere) as connection:
        tools = find_tools(connection.info.server_version // 10_000)
    parts = ("--section=pre-data", "--section=data", "--schema=public", "--no-owner", str(backup))
    subprocess.run(tools.command("pg_restore", elsewhere, *parts), check=True)  # noqa: S603 - PostgreSQL's own
    code, out, _ = relayd("check", "--json")
    assert code == Exit.NOT_WELL
    failed = [one for one in json.loads(out)["findings"] if not one["well"]]
    assert [one["subject"] for one in failed] == ["schema"]
    assert "_pkey" in failed[0]["detail"]
    assert "left half done" in failed[0]["remedy"]
