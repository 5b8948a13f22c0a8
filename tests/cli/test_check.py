"""`relayd check`: what is looked at, and what is said."""

from pathlib import Path

import pytest

from relayd.cli.toolkit.exits import Exit
from relayd.engines.selection import best_local
from tests.cli.commands import Command, answered
from tests.conftest import DeclaredErrors

pytestmark = pytest.mark.system


def test_check_looks_at_everything(relayd: Command) -> None:
    """All well: configuration, database and the engine, with the reason for the engine."""
    report = answered(relayd("check", "--json"))
    found = {one["subject"]: one for one in report["findings"]}
    assert report["well"] is True
    packages = {f"package {name}" for name in ("pack_500", "pack_1200", "pack_3000")}
    tried = {"configuration", "sales", "storage", "database", "schema", "books", "engine"}
    models = {one for one in found if one.startswith("recordings ")}
    assert "recordings pretend" in models
    assert set(found) == tried | packages | models
    assert "= 166.63 cents (27.8 %)" in found["package pack_500"]["detail"]
    engine = found["engine"]["detail"]
    assert f"{best_local()}, because engines.deepgram.api_key is not set" in engine


def test_check_says_what_to_do(
    relayd: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not well has its remedy beside it, and the exit code is 1."""
    for name in ("certificate", "key"):
        (tmp_path / name).write_text("no PEM")
        monkeypatch.setenv(f"RELAYD_SERVER__TLS_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("RELAYD_SERVER_LISTEN", "127.0.0.1:0")
    code, out, _ = relayd("check")
    assert code == Exit.NOT_WELL
    assert "FAILED  certificate" in out
    assert "RELAYD_SERVER_LISTEN is no key" in out
    assert "→ did you mean RELAYD_SERVER__LISTEN?" in out


def test_check_offline_asks_nobody(relayd: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, what needs one is left out: Deepgram, Stripe, a PostgreSQL elsewhere."""
    for name, value in {
        "ENGINES__DEEPGRAM__API_KEY": "any-key",
        "ENGINES__DEEPGRAM__URL": "ws://127.0.0.1:1",
        "SERVER__PUBLIC_URL": "https://relay.example.org",
        "STRIPE__API_KEY": "sk_test_x",
        "STRIPE__API_URL": "http://127.0.0.1:1",
        "STRIPE__WEBHOOK_SECRETS": "whsec_x",
        "DATABASE__URL": "postgresql://u@127.0.0.1:1/d",
    }.items():
        monkeypatch.setenv(f"RELAYD_{name}", value)
    report = answered(relayd("check", "--offline", "--json"))
    subjects = {one["subject"].split()[0] for one in report["findings"]}
    assert subjects == {"configuration", "package", "recordings", "seller", "storage"}


def test_check_asks_stripe(relayd: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where sales are on, an API that can't be reached is one finding."""
    monkeypatch.setattr("relayd.payments.stripe.api.PAUSES_SECONDS", (0, 0))
    monkeypatch.setenv("RELAYD_SERVER__PUBLIC_URL", "https://relay.example.org")
    monkeypatch.setenv("RELAYD_STRIPE__API_KEY", "sk_test_x")
    monkeypatch.setenv("RELAYD_STRIPE__API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("RELAYD_STRIPE__WEBHOOK_SECRETS", "whsec_x")
    code, out, _ = relayd("check")
    assert code == Exit.NOT_WELL
    failed = [line.split()[1] for line in out.splitlines() if line.startswith("FAILED")]
    assert failed == ["sales"]


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
