"""Operator commands, run in this process on a real database."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from relayd.cli.program import main
from relayd.cli.toolkit.exits import Exit
from tests.config.files import SECRETS
from tests.house.tree import ROOT

__all__ = ["EMAIL", "Command", "answered", "runner", "url"]

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
    for name in [one for one in os.environ if one.startswith("RELAYD_")]:
        monkeypatch.delenv(name)
    for name, value in (SECRETS | {"RELAYD_DATABASE__URL": url(conninfo)}).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def answered(told: tuple[int, str, str]) -> Any:
    """The JSON of a command that went well."""
    code, out, err = told
    assert (code, err) == (Exit.OK, "")
    return json.loads(out)
