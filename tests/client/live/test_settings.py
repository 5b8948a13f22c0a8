"""What apps configure, and what older files hold."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from relayd.client import MemoryVault, Mode, Settings, SettingsError, VaultError, move_secrets

OLD = """\
# The app's own settings.
theme: dark
remote:
  mode: managed          # or byok
  server_url: https://relay.example
  auth_token: "secret-1"
  byok_api_key: secret-2
  deepgram_model: nova-2
  language: en-US
  show_balance: true
"""


def test_the_block_of_an_existing_app_is_read_as_it_is() -> None:
    """The whole file's mapping or the block alone, with keys of the app's own in it."""
    whole = YAML(typ="safe").load(OLD)
    settings = Settings.of(whole)
    assert settings == Settings.of(whole["remote"])
    assert settings.mode is Mode.MANAGED
    assert settings.stream_config()["model"] == "nova-2"
    assert settings.stream_config()["language"] == "en-US"
    assert "secret" not in repr(settings)


def test_without_a_model_the_server_chooses() -> None:
    """What is not configured is not sent."""
    config = Settings.of({"server_url": "https://relay.example"}).stream_config()
    assert {"model", "language"} & config.keys() == set()
    assert config["sample_rate"] == 16_000


def test_the_audio_is_the_engines_own() -> None:
    """Further options are passed on; what the audio is, no option says."""
    settings = Settings.of({"options": {"sample_rate": 8000, "keyterm": ["relayd"]}})
    assert settings.stream_config()["sample_rate"] == 16_000
    assert settings.stream_config()["keyterm"] == ["relayd"]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"mode": "free"}, "mode"),
        ({"server_url": 5}, "server_url"),
        ({"options": "all"}, "options"),
        ({"remote": "https://relay.example"}, "remote"),
    ],
)
def test_what_cannot_be_read_is_named(config: dict[str, object], field: str) -> None:
    """The error names the key."""
    with pytest.raises(SettingsError) as caught:
        Settings.of(config)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Settings(), "server_url"),
        (Settings(server_url="http://relay.example"), "server_url"),
        (Settings(server_url="gopher://relay.example"), "server_url"),
        (Settings(mode=Mode.BYOK, byok_api_key="k", deepgram_url="http://d.test"), "deepgram_url"),
    ],
)
def test_what_cannot_work_is_named(settings: Settings, field: str) -> None:
    """A missing address, one in clear text, a missing key."""
    with pytest.raises(SettingsError) as caught:
        settings.check()
    assert caught.value.field == field


def test_secrets_of_a_file_move_into_the_vault(tmp_path: Path) -> None:
    """They stand in the vault afterwards and nowhere in the file, which is else as it was."""
    path, vault = tmp_path / "app.yaml", MemoryVault()
    path.write_text(OLD)
    path.chmod(0o640)
    assert move_secrets(path, vault) == ["auth_token", "byok_api_key"]
    assert vault.secrets == {"auth_token": "secret-1", "byok_api_key": "secret-2"}
    lines = [line for line in OLD.splitlines() if "secret" not in line]
    assert path.read_text().splitlines() == lines
    assert path.stat().st_mode & 0o777 == 0o640
    assert move_secrets(path, vault) == []
    assert [one.name for one in tmp_path.iterdir()] == ["app.yaml"]


class Forgetful(MemoryVault):
    """A vault that keeps nothing."""

    def set(self, name: str, secret: str) -> None:
        """Lose it."""


def test_a_file_is_not_cleaned_before_the_vault_has_it(tmp_path: Path) -> None:
    """A keyring that does not keep what it is given leaves the file alone."""
    path = tmp_path / "app.yaml"
    path.write_text(OLD)
    with pytest.raises(VaultError):
        move_secrets(path, Forgetful())
    assert path.read_text() == OLD


def test_a_file_that_is_no_yaml_is_left_alone(tmp_path: Path) -> None:
    """It is named, and nothing is written."""
    path = tmp_path / "app.yaml"
    path.write_text("remote: [")
    with pytest.raises(SettingsError, match="YAML"):
        move_secrets(path, MemoryVault())
    assert path.read_text() == "remote: ["
