"""The system's keyring, with a backend that is here."""

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from relayd.client import SystemVault, VaultError


class Ring(KeyringBackend):
    """A keyring in memory, which may be locked."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        """What was kept."""
        self._open()
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        self._open()
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""
        del self.held[service, username]

    def _open(self) -> None:
        if self.locked:
            raise KeyringLocked("nobody unlocked it")


@pytest.fixture
def ring() -> Iterator[Ring]:
    """In place of the system's."""
    before, found = keyring.get_keyring(), Ring()
    keyring.set_keyring(found)
    yield found
    keyring.set_keyring(before)


def test_secrets_lie_in_the_keyring(ring: Ring) -> None:
    """Under one service; an empty secret is taken away, also one that was never there."""
    vault = SystemVault()
    vault.set("byok_api_key", "secret")
    assert ring.held == {("relayd", "byok_api_key"): "secret"}
    assert vault.get("byok_api_key") == "secret"
    for _ in range(2):
        vault.set("byok_api_key", "")
    assert vault.get("byok_api_key") == ""
    assert ring.held == {}


def test_a_locked_keyring_is_an_error_of_its_own(ring: Ring) -> None:
    """Whatever the backend raises, it is a `VaultError` with its words and without the secret."""
    ring.locked = True
    with pytest.raises(VaultError, match="nobody unlocked it") as caught:
        SystemVault().set("byok_api_key", "secret")
    assert "secret" not in str(caught.value)
