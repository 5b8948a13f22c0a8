"""`relayd check`: what is looked at, and what is said."""

from pathlib import Path

import pytest

from relayd.cli.exits import Exit
from tests.cli.commands import Command, answered
from tests.conftest import DeclaredErrors

pytestmark = pytest.mark.system


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
