"""PostgreSQL's own tools, of the server's version."""

from pathlib import Path

import pytest

from relayd.backups import tools
from relayd.backups.tools import Tools, find_tools, said
from relayd.database import binaries
from relayd.errors import OperatorError

URL = "postgresql://app:sesame@db.example.org/relayd?sslpassword=sesame"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a distribution keeps version 97, and nothing on the path."""
    monkeypatch.setattr(tools, "PLACES", (f"{tmp_path}/{{major}}/bin",))
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    return tmp_path / "97" / "bin"


def install(directory: Path, version: str) -> None:
    """Programs that only know their version."""
    directory.mkdir(parents=True)
    for name in tools.PROGRAMS:
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)


@pytest.mark.system
def test_those_of_the_embedded_server(place: Path) -> None:
    """They came with it."""
    assert find_tools(binaries.MAJOR).directory == binaries.programs(None)


@pytest.mark.system
def test_those_of_a_distribution(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of this version, or on the path if it is this version."""
    install(place, "97.1 (Debian 97.1-0)")
    assert find_tools(97).directory == place
    install(place.parent.parent / "elsewhere", "96.4")
    monkeypatch.setenv("PATH", str(place.parent.parent / "elsewhere"))
    assert find_tools(96).directory == place.parent.parent / "elsewhere"


@pytest.mark.system
def test_other_versions_are_not_used(place: Path) -> None:
    """One that is older or newer writes what the server may not read: the package is named."""
    install(place, "98.1")
    with pytest.raises(OperatorError, match="postgresql-client-97"):
        find_tools(97)


def test_no_secret_in_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password goes through the environment, and relayd's own secrets nowhere."""
    monkeypatch.setenv("RELAYD_AUTH__SECRET", "our secret")
    found = Tools(Path("/bin"))
    assert "sesame" not in " ".join(found.command("pg_dump", URL))
    assert "host=db.example.org" in " ".join(found.command("pg_dump", URL))
    environment = found.environment(URL)
    assert environment["PGPASSWORD"] == "sesame"
    assert "our secret" not in environment.values()


def test_what_a_tool_said() -> None:
    """Its errors alone, on one line: hints, details and notices may quote rows."""
    output = b"NOTICE: x\npsql:<stdin>:7: ERROR:  no\nDETAIL:  Key (email)=(a@b) exists.\n"
    assert said(output) == "psql:<stdin>:7: ERROR:  no"
    assert said(b"something odd\n") == "something odd"
    assert said(b"") == "it said nothing"
