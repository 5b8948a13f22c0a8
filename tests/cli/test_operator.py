"""Operator commands on a real database: user, credit, sessions, audit, migrate, check."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from relayd.cli.exits import Exit
from relayd.cli.program import main
from tests.config.files import SECRETS
from tests.conftest import DeclaredErrors
from tests.house.tree import ROOT

pytestmark = pytest.mark.system

Command = Callable[..., tuple[int, str, str]]
EMAIL = "ada@example.org"


def url(conninfo: str) -> str:
    """A conninfo string as the URL that database.url takes."""
    parts = {name: quote(str(value), safe="") for name, value in conninfo_to_dict(conninfo).items()}
    who = f"{parts.pop('user', '')}@{parts.pop('dbname', '')}".replace("@", "@/", 1)
    return f"postgresql://{who}?" + "&".join(f"{name}={value}" for name, value in parts.items())


def runner(
    conninfo: str,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Run commands on this database: exit code, standard output, standard error."""
    monkeypatch.chdir(directory)
    # Worker processes find the package from here too where it is not installed.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name, value in (SECRETS | {"RELAYD_DATABASE__URL": url(conninfo)}).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def relayd(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Commands on a migrated database."""
    return runner(database_url, tmp_path, monkeypatch, capsys)


@pytest.fixture
def fresh_relayd(
    empty_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Commands on an empty database."""
    return runner(empty_database_url, tmp_path, monkeypatch, capsys)


def answered(told: tuple[int, str, str]) -> Any:
    """The JSON of a command that went well."""
    code, out, err = told
    assert (code, err) == (Exit.OK, "")
    return json.loads(out)


def test_an_account_from_made_to_disabled(relayd: Command) -> None:
    """Add, list, password, disable, enable: each says what it did."""
    assert relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")[1] == (
        f"added {EMAIL}\n"
    )
    assert [one["email"] for one in answered(relayd("user", "list", "--json"))] == [EMAIL]
    told = relayd("user", "password", EMAIL, "--password-stdin", stdin="another horse\n")
    assert told[0] == Exit.OK
    assert answered(relayd("user", "disable", EMAIL, "--json"))["disabled_at"] is not None
    assert answered(relayd("user", "enable", EMAIL, "--json"))["disabled_at"] is None


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (("user", "add", "nonsense", "--password-stdin"), "correct horse\n", "not an email"),
        (("user", "add", EMAIL, "--password-stdin"), "short\n", "8 to 1024 characters"),
        (("user", "add", EMAIL, "--password-stdin"), "\n", "password is empty"),
        (("user", "add", EMAIL), "", "use --password-stdin"),
        (("user", "disable", EMAIL), "", "has no account"),
        (("credit", "grant", EMAIL, "5", "--reason", "x"), "", "has no account"),
        (("credit", "grant", EMAIL, "-5", "--reason", "x"), "", "above 0 seconds"),
        (("credit", "adjust", EMAIL, "0", "--reason", "x"), "", "changes nothing"),
        (("sessions", "--user", EMAIL), "", "has no account"),
    ],
)
def test_refusals_are_one_line(
    relayd: Command, arguments: tuple[str, ...], stdin: str, told: str
) -> None:
    """What can't be done is said on standard error, with exit code 2."""
    code, out, err = relayd(*arguments, stdin=stdin)
    assert (code, out) == (Exit.USAGE, "")
    assert told in err
    assert len(err.splitlines()) == 1


def test_credit_is_booked_exactly_and_once(relayd: Command) -> None:
    """Milliseconds, up and down, a shortfall as debt; a repeated key books nothing."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    grant = ("credit", "grant", EMAIL, "600.5", "--reason", "x", "--key", "k", "--json")
    assert answered(relayd(*grant))["seconds_remaining"] == 600.5
    again = answered(relayd(*grant))
    assert (again["repeated"], again["booked_seconds"]) == (True, 0)
    assert again["seconds_remaining"] == 600.5
    below = answered(relayd("credit", "adjust", EMAIL, "-700", "--reason", "y", "--json"))
    assert (below["seconds_remaining"], below["seconds_owed"]) == (0, 99.5)
    assert relayd("audit")[:2] == (Exit.OK, "balanced\n")


def test_no_sessions_yet(relayd: Command) -> None:
    """Live and recent ones are two lists, empty at first."""
    assert answered(relayd("sessions", "--json")) == {"live": [], "recent": []}


def test_the_audit_shows_what_is_wrong(relayd: Command, database_url: str) -> None:
    """A balance that somebody edited by hand: exit code 1 and the row."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE credit_balance SET balance_ms = 7")
    code, out, _ = relayd("audit", "--json")
    assert code == Exit.NOT_WELL
    assert json.loads(out)["balanced"] is False
    assert json.loads(out)["findings"][0]["row"]["balance_ms"] == 7
    code, out, _ = relayd("audit")
    assert code == Exit.NOT_WELL
    assert "balance_ms=7" in out


def test_migrate_says_what_it_did(fresh_relayd: Command) -> None:
    """The first time every migration, the second time none."""
    assert "0001_accounts.sql" in answered(fresh_relayd("migrate", "--json"))["applied"]
    assert fresh_relayd("migrate")[1] == "nothing to do: the schema is up to date\n"


def test_the_first_command_needs_no_migrate(fresh_relayd: Command) -> None:
    """On an empty database the schema is made in passing: nobody can be using it."""
    assert fresh_relayd("user", "list")[0] == Exit.OK


def test_a_database_in_use_is_not_migrated_in_passing(relayd: Command, database_url: str) -> None:
    """Older daemons may be serving on it: the operator is told to migrate."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "DELETE FROM schema_migrations WHERE version ="
            " (SELECT max(version) FROM schema_migrations)"
        )
    code, _, err = relayd("user", "list")
    assert code == Exit.USAGE
    assert "run `relayd migrate` first" in err


def test_a_changed_migration_is_found(relayd: Command, database_url: str) -> None:
    """Commands and `check` refuse a schema that is not what this version's files say."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1")
    for command in (("user", "list"), ("check",)):
        code, out, err = relayd(*command)
        assert code != Exit.OK
        assert "0001_accounts.sql is not what was applied" in out + err


def test_no_database(relayd: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unreachable is exit code 3, and the password in the URL is not shown."""
    monkeypatch.setenv("RELAYD_DATABASE__URL", "postgresql://u:hunter2@127.0.0.1:1/d")
    monkeypatch.setenv("RELAYD_DATABASE__CONNECT_SECONDS", "2")
    code, _, err = relayd("audit")
    assert code == Exit.UNREACHABLE
    assert "can't be reached" in err
    assert "hunter2" not in err


def test_check_looks_at_everything(relayd: Command) -> None:
    """All well: configuration, database and the engine, with the reason for the engine."""
    report = answered(relayd("check", "--json"))
    found = {one["subject"]: one for one in report["findings"]}
    assert report["well"] is True
    packages = {f"package {name}" for name in ("pack_500", "pack_1200", "pack_3000")}
    assert set(found) == {"configuration", "sales", "database", "engine"} | packages
    assert "= 166.63 cents (27.8 %)" in found["package pack_500"]["detail"]
    assert "sphinx, because engines.deepgram.api_key is not set" in found["engine"]["detail"]


def test_check_says_what_to_do(
    relayd: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not well has its remedy beside it, and the exit code is 1."""
    for name in ("certificate", "key"):
        (tmp_path / name).write_text("no PEM")
        monkeypatch.setenv(f"RELAYD_SERVER__TLS_{name.upper()}", str(tmp_path / name))
    code, out, _ = relayd("check")
    assert code == Exit.NOT_WELL
    assert "FAILED  certificate" in out
    assert "→ server.tls_certificate and server.tls_key must be readable PEM files" in out


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, False), (0o644, True)])
def test_check_tells_who_can_read_the_configuration(
    relayd: Command, tmp_path: Path, mode: int, *, told: bool
) -> None:
    """What everybody can read is worth a word; a group that may is somebody's choice."""
    path = tmp_path / "relayd.toml"
    path.write_text("")
    path.chmod(mode)
    assert (f"chmod o= {path}" in relayd("check", "--config", str(path))[1]) is told


def test_check_says_it_once(
    relayd: Command, monkeypatch: pytest.MonkeyPatch, declared_errors: DeclaredErrors
) -> None:
    """An engine and a database that don't answer are one finding each, with no log beside it."""
    monkeypatch.setenv("RELAYD_ENGINES__DEEPGRAM__API_KEY", "any-key")
    monkeypatch.setenv("RELAYD_ENGINES__DEEPGRAM__URL", "ws://127.0.0.1:1")
    monkeypatch.setenv("RELAYD_DATABASE__URL", "postgresql://u:hunter2@127.0.0.1:1/d")
    monkeypatch.setenv("RELAYD_DATABASE__CONNECT_SECONDS", "2")
    code, out, err = relayd("check")
    declared_errors.expect("deepgram stream failed")
    assert (code, err) == (Exit.NOT_WELL, "")
    failed = [line.split()[1] for line in out.splitlines() if line.startswith("FAILED")]
    assert failed == ["database", "engine"]
    assert out.count("can't be reached") == 1
    assert out.count("hunter2") == 0
