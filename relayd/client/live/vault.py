"""Where secrets lie: the system's keyring, never a file of ours.

macOS Keychain, Windows Credential Locker, the Secret Service or KWallet, through `keyring`. A
machine without one keeps them in memory until the app ends, and says so.
"""

import logging
from pathlib import Path
from typing import Any, Final, Protocol

import attrs

from relayd.client.live.settings import SettingsError

__all__ = ["KEY", "TOKEN", "MemoryVault", "SystemVault", "Vault", "VaultError", "move_secrets"]

log = logging.getLogger(__name__)

_SERVICE: Final = "relayd"
# The settings that are secrets, as they are named in YAML and in the keyring.
TOKEN: Final = "auth_token"  # noqa: S105 - a name
KEY: Final = "byok_api_key"
_SECRETS: Final = (TOKEN, KEY)


class VaultError(Exception):
    """The keyring is locked, missing, or refuses; the text says which."""


class Vault(Protocol):
    """Secrets by name. Every call may wait for a person, so none belongs on a GUI's thread."""

    def get(self, name: str) -> str:
        """The secret, or an empty text. Raises `VaultError`."""

    def set(self, name: str, secret: str) -> None:
        """Keep a secret; an empty one is removed. Raises `VaultError`."""


@attrs.frozen
class SystemVault:
    """The system's keyring."""

    service: str = _SERVICE

    def get(self, name: str) -> str:
        """Ask the keyring."""
        return str(self._ask("get_password", name) or "")

    def set(self, name: str, secret: str) -> None:
        """Tell the keyring."""
        if secret:
            self._ask("set_password", name, secret)
        elif self.get(name):
            self._ask("delete_password", name)

    def _ask(self, question: str, *values: str) -> Any:
        import keyring  # noqa: PLC0415 - looks for its backends when it is imported

        try:
            return getattr(keyring, question)(self.service, *values)
        except Exception as error:
            # Each backend raises what its system does.
            raise VaultError(f"the system's keyring: {error or type(error).__name__}") from error


@attrs.define(eq=False)
class MemoryVault:
    """A vault that is gone with the app."""

    secrets: dict[str, str] = attrs.field(factory=dict, repr=False)

    def get(self, name: str) -> str:
        """What was set."""
        return self.secrets.get(name, "")

    def set(self, name: str, secret: str) -> None:
        """Keep it."""
        if secret:
            self.secrets[name] = secret
        else:
            self.secrets.pop(name, None)


def move_secrets(path: Path, vault: Vault) -> list[str]:
    """Move the secrets of a YAML file's block ``remote`` into the vault; the names of those moved.

    The file keeps its comments and order, and is replaced in one step. Nothing is taken out of it
    before the vault has it and gives it back. Raises `VaultError`, `SettingsError` or OSError.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - only for files
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    yaml = YAML()
    yaml.preserve_quotes = True
    try:
        document = yaml.load(path)
    except YAMLError as error:
        raise SettingsError(str(path), "is no YAML file that can be read") from error
    block = document.get("remote") if isinstance(document, dict) else None
    if not isinstance(block, dict):
        return []
    moved = [name for name in _SECRETS if isinstance(block.get(name), str) and block[name].strip()]
    if not moved:
        return []
    for name in moved:
        secret = block[name].strip()
        vault.set(name, secret)
        if vault.get(name) != secret:
            raise VaultError("the system's keyring does not keep what it is given")
        del block[name]
    _replace(path, yaml, document)
    return moved


def _replace(path: Path, yaml: Any, document: Any) -> None:
    """Write beside the file and rename, with the modes that it had."""
    beside = path.with_name(f".{path.name}.relayd")
    try:
        beside.touch(mode=0o600)
        beside.chmod(path.stat().st_mode & 0o777)
        with beside.open("w", encoding="utf-8") as file:
            yaml.dump(document, file)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
