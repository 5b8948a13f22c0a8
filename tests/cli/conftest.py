"""Commands on a migrated database and on an empty one."""

from pathlib import Path

import pytest

from tests.cli.commands import Command, runner


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
