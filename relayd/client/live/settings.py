"""What an app configures, as a mapping or as `Settings`; the block `remote:` of its YAML file.

    remote:
      mode: managed                      # or byok: Deepgram with the user's own key
      server_url: https://relay.example
      deepgram_model: nova-3
      language: en-US

Secrets may stand there too, as older files have them: `relayd.client.live.vault` moves them.
"""

import enum
import logging
from collections.abc import Mapping
from typing import Any, Final

import attrs

__all__ = ["Mode", "Settings", "SettingsError"]

log = logging.getLogger(__name__)

_DEEPGRAM: Final = "https://api.deepgram.com"
_ENGINES: Final = ("", "moonshine", "whisper", "sphinx")


class SettingsError(ValueError):
    """A setting is missing or wrong: ``field`` names it, the text says what would be right."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class Mode(str, enum.Enum):
    """Who makes the words, and who pays."""

    # A relay counts minutes of an account.
    MANAGED = "managed"
    # Deepgram, with the user's own key; no relay is in between.
    BYOK = "byok"
    # An engine on this machine: nobody else hears it.
    LOCAL = "local"


@attrs.frozen
class Settings:
    """How an engine gets its words.

    ``auth_token``: an access token or a key of the relay's; without it the sign-in of the
    keyring is used. ``byok_api_key``: a key of Deepgram's; without it that of the keyring.
    ``deepgram_model``: empty for the default. ``language``: a BCP-47 tag or ``multi``, empty
    for the default. ``local_engine``: ``moonshine``, ``whisper`` or ``sphinx``, empty for the
    best one that is installed; ``local_model``: a ggml file of Whisper's, or the name of one
    that was fetched. ``options``: more of the protocol's ``config``, such as
    ``{"keyterm": ["relayd"]}``.
    """

    mode: Mode = Mode.MANAGED
    server_url: str = ""
    auth_token: str = attrs.field(default="", repr=False)
    byok_api_key: str = attrs.field(default="", repr=False)
    deepgram_model: str = ""
    language: str = ""
    local_engine: str = ""
    local_model: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    deepgram_url: str = _DEEPGRAM

    @classmethod
    def of(cls, config: "Settings | Mapping[str, Any]") -> "Settings":
        """Read a mapping: the block itself, or one that has it under ``remote``.

        Keys of others are passed over, with a line in the log. Raises `SettingsError`.
        """
        if isinstance(config, Settings):
            return config
        if not isinstance(config, Mapping):
            raise SettingsError("config", "must be a mapping or Settings")
        block = config.get("remote", config)
        if not isinstance(block, Mapping):
            raise SettingsError("remote", "must be a block of keys")
        known = {field.name for field in attrs.fields(cls)}
        for key in block.keys() - known:
            log.info("remote.%s is none of relayd's settings", key)
        given = {key: block[key] for key in known & block.keys() if block[key] is not None}
        for key in given.keys() - {"mode", "options"}:
            given[key] = _text(key, given[key])
        if "mode" in given:
            given["mode"] = _mode(given["mode"])
        if not isinstance(given.get("options", {}), Mapping):
            raise SettingsError("options", "must be a block of keys")
        return cls(**given)

    def check(self) -> None:
        """Raise `SettingsError` unless a stream can be tried with these."""
        if self.mode is Mode.LOCAL:
            if self.local_engine not in _ENGINES:
                raise SettingsError("local_engine", "must be moonshine, whisper, sphinx or empty")
            return
        # The address is read by what opens it; nothing of it is loaded for reading settings.
        from relayd.client.transport import Address  # noqa: PLC0415 - brings Trio along

        name = "server_url" if self.mode is Mode.MANAGED else "deepgram_url"
        url: str = getattr(self, name)
        if not url:
            raise SettingsError(name, "no address yet, such as https://relay.example")
        try:
            address = Address.parse(url)
        except ValueError as error:
            raise SettingsError(name, str(error)) from error
        if address.exposed:
            raise SettingsError(name, "must be https:// or wss://: secrets and sound go there")

    def stream_config(self) -> dict[str, Any]:
        """The ``config`` of a stream's first message: what the audio is, what is wanted."""
        config: dict[str, Any] = {
            "encoding": "linear16",
            "sample_rate": 16_000,
            "channels": 1,
            "interim_results": True,
            "smart_format": True,
        }
        if self.deepgram_model:
            config["model"] = self.deepgram_model
        if self.language:
            config["language"] = self.language
        return {**config, **_own(self.options)}


def _own(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the engine decides: it makes the audio, and knows what it is."""
    fixed = {"encoding", "sample_rate", "channels", "multichannel"}
    return {key: value for key, value in options.items() if key not in fixed}


def _mode(value: object) -> Mode:
    try:
        return Mode(value.lower() if isinstance(value, str) else value)
    except ValueError:
        raise SettingsError("mode", "must be managed, byok or local") from None


def _text(key: str, value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    raise SettingsError(key, "must be a text")
