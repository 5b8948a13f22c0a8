"""`relayd models`, beside a configuration."""

import json
from pathlib import Path

import pytest

from relayd.cli import main
from tests.config.files import PEPPER, SECRET, write


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration with one model beside it."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "ggml-mine.bin").write_bytes(b"lmgg" + bytes(60))
    return str(write(tmp_path, f'[auth]\nsecret = "{SECRET}"\npepper = "{PEPPER}"\n'))


def test_models_are_listed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are here, then those that could be."""
    assert main(["models", "list", "--config", config, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {"model": "mine", "here": True, "bytes": 64, "languages": "many"}
    assert {"model": "base.en", "here": False, "bytes": None, "languages": "en"} in rows
    assert main(["models", "list", "--config", config]) == 0
    assert capsys.readouterr().out.startswith("MODEL")


def test_what_is_here_is_not_fetched(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says where it is."""
    digits = "0" * 64
    asked = ["models", "fetch", "mine", "--url", "http://127.0.0.1:9/x", "--sha256", digits]
    assert main([*asked, "--config", config]) == 0
    assert "is here already" in capsys.readouterr().out


def test_a_model_is_removed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And so is what was fetched of one; then there is none."""
    models = Path(config).with_name("models")
    (models / "ggml-base.bin.part").write_bytes(b"lmgg")
    for name in ("mine", "base"):
        assert main(["models", "remove", name, "--config", config]) == 0
    assert list(models.iterdir()) == []
    assert main(["models", "remove", "mine", "--config", config]) == 2
    assert "there is no model mine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["fetch", "huge"], "none of tiny"),
        (["fetch", "../x"], "letters"),
        (["fetch", "mine2", "--url", "http://127.0.0.1:9/x"], "needs --sha256"),
        (["remove", "../x"], "letters"),
    ],
)
def test_what_is_no_model_is_told(
    config: str, capsys: pytest.CaptureFixture[str], asked: list[str], told: str
) -> None:
    """In one line, with what would do."""
    assert main(["models", *asked, "--config", config]) == 2
    assert told in capsys.readouterr().err


def test_a_server_that_is_away_is_told(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code of what can't be reached."""
    digits = "0" * 64
    asked = ["models", "fetch", "new", "--url", "http://127.0.0.1:9/x", "--sha256", digits]
    assert main([*asked, "--config", config]) == 3
    assert "can't be fetched now" in capsys.readouterr().err
