"""The example app, as it stands in the repository."""

import runpy
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from relayd.client import MemoryVault
from tests.client.live.conftest import Listening
from tests.client.live.microphones import Microphone
from tests.house.tree import ROOT


def test_it_captions_and_cleans_its_file(
    listening: Listening,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Words of the microphone are printed; the key moves from the file to the keyring."""
    path, vault = tmp_path / "app.yaml", MemoryVault()
    key = listening.stand_in.key
    YAML().dump({"theme": "dark", "remote": listening.config}, path)
    monkeypatch.setattr(sys, "argv", ["captions.py", str(path)])
    monkeypatch.setattr("builtins.input", lambda text: text)
    monkeypatch.setattr("relayd.client.SystemVault", lambda: vault)
    monkeypatch.setattr("relayd.client.live.engine.SystemVault", lambda: vault)
    monkeypatch.setattr(
        "relayd.client.live.microphone.sounddevice_here", lambda: Microphone({16_000})
    )
    runpy.run_path(str(ROOT / "examples" / "captions.py"), run_name="__main__")
    assert "word-0" in capsys.readouterr().out
    assert vault.secrets == {"byok_api_key": key}
    assert key not in path.read_text()
