"""A sign-in that is kept fresh."""

import pytest

from relayd.client.accounts import Profile, Tokens
from relayd.client.errors import ConnectError, RefusedError, RequestError
from relayd.client.live.credentials import Credentials
from relayd.client.live.vault import MemoryVault, VaultError

URL = "https://relay.example"


class FakeAccounts:
    """Accounts of one server: each refresh token is good once, a pair for ten minutes."""

    def __init__(self) -> None:
        self.server_url = URL
        self.issued = 0
        self.failure: Exception | None = None
        self.devices: list[str] = []

    def _issue(self) -> Tokens:
        self.issued += 1
        return Tokens(f"access-{self.issued}", f"refresh-{self.issued}", 600, "this-device")

    async def login(self, email: str, password: str, *, code: str, device_token: str) -> Tokens:
        """Let anybody in."""
        self.devices.append(device_token)
        return self._issue()

    async def refresh(self, refresh_token: str) -> Tokens:
        """A new pair for the last one."""
        if self.failure is not None:
            raise self.failure
        if refresh_token != f"refresh-{self.issued}":
            raise RequestError(401, "auth_failed", "It was used before.")
        return self._issue()

    async def logout(self, refresh_token: str) -> None:
        """Forget it."""
        raise ConnectError("not now")

    async def me(self, access_token: str) -> Profile:
        """Somebody."""
        return Profile("a@example.org", 60.0, "2026-01-01")


class World:
    """A clock, a server, a keyring."""

    def __init__(self, vault: MemoryVault | None = None) -> None:
        self.now = 1_000_000.0
        self.server = FakeAccounts()
        self.vault = vault or MemoryVault()

    def app(self, auth_token: str = "") -> Credentials:
        """An app that was just started."""
        return Credentials(self.server, self.vault, auth_token, lambda: self.now)  # type: ignore[arg-type]


async def test_a_sign_in_outlives_the_app() -> None:
    """Signed in once, an app that is started later uses the same token while it is good."""
    world = World()
    await world.app().sign_in("a@example.org", "password")
    assert await world.app().token() == "access-1"
    assert "password" not in str(world.vault.secrets)


async def test_a_token_that_ends_soon_is_changed_first() -> None:
    """The new pair is in the keyring before it is used."""
    world = World()
    app = world.app()
    await app.sign_in("a@example.org", "password")
    world.now += 590
    assert await app.token() == "access-2"
    assert await world.app().token() == "access-2"


async def test_a_refused_token_is_renewed() -> None:
    """The server may end a token early; where the sign-in itself ended, there is no way on."""
    world = World()
    app = world.app()
    await app.sign_in("a@example.org", "password")
    assert await app.renew()
    assert await app.token() == "access-2"
    world.server.issued += 1
    assert not await app.renew()


async def test_an_app_s_own_token_is_used_as_it_is() -> None:
    """Nothing is asked, and nothing can be renewed."""
    app = World().app("given")
    assert await app.token() == "given"
    assert not await app.renew()


async def test_a_token_that_was_moved_is_used() -> None:
    """What stood in an app's file is good until somebody signs in."""
    world = World()
    world.vault.set("auth_token", "moved")
    assert await world.app().token() == "moved"
    assert not await world.app().renew()
    await world.app().sign_in("a@example.org", "password")
    assert await world.app().token() == "access-1"


async def test_nobody_is_signed_in() -> None:
    """That is a refusal that says what to do."""
    with pytest.raises(RefusedError, match="sign in first"):
        await World().app().token()


async def test_a_server_in_trouble_is_no_refusal() -> None:
    """A 503 ends no sign-in: another attempt may fare better."""
    world = World()
    app = world.app()
    await app.sign_in("a@example.org", "password")
    world.now += 10_000
    world.server.failure = RequestError(503, "http_503", "Not now.")
    with pytest.raises(ConnectError):
        await app.token()
    world.server.failure = None
    assert await app.token() == "access-2"


async def test_signing_out_forgets_it_here_whatever_the_server_does() -> None:
    """The device's own token stays, so that its next sign-in is known."""
    world = World()
    app = world.app()
    await app.sign_in("a@example.org", "password")
    await app.sign_out()
    with pytest.raises(RefusedError):
        await world.app().token()
    await world.app().sign_in("a@example.org", "password")
    assert world.server.devices == ["", "this-device"]


class Locked(MemoryVault):
    """A keyring that nobody unlocks."""

    def get(self, name: str) -> str:
        """No."""
        raise VaultError("it is locked")

    def set(self, name: str, secret: str) -> None:
        """No."""
        raise VaultError("it is locked")


async def test_without_a_keyring_a_sign_in_lasts_as_long_as_the_app() -> None:
    """It is kept in memory, never in a file."""
    world = World(Locked())
    app = world.app()
    await app.sign_in("a@example.org", "password")
    assert await app.token() == "access-1"
    with pytest.raises(RefusedError):
        await world.app().token()


async def test_an_entry_that_cannot_be_read_is_no_sign_in() -> None:
    """What somebody else wrote there is passed over."""
    world = World()
    world.vault.set(f"session {URL}", "{broken")
    with pytest.raises(RefusedError):
        await world.app().token()
