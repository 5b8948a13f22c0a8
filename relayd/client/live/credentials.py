"""A sign-in at a relay: an access token that is good, from whatever there is.

An app's own token is used as it is. Else the sign-in of the keyring: its access token while it
lasts, then a new pair for the refresh token, which is good once and kept before it is used.
"""

import json
import logging
import time
from collections.abc import Callable
from typing import Final

import attrs
import trio

from relayd.client.accounts import Accounts, Profile, Tokens
from relayd.client.errors import ConnectError, RefusedError, RequestError
from relayd.client.live.vault import TOKEN, MemoryVault, Vault, VaultError

__all__ = ["Credentials"]

log = logging.getLogger(__name__)

# A token that ends so soon is changed before it is used.
_MARGIN_SECONDS: Final = 120
_SIGNED_OUT: Final = "Nobody is signed in: sign in first."
# A keyring may ask its owner for a password.
_KEEPING_SECONDS: Final = 60
# Statuses of a refresh that failed for good; others pass.
_REFUSED: Final = {400, 401, 403, 404}


@attrs.define(eq=False)
class Credentials:
    """Who the app is at one server."""

    accounts: Accounts
    vault: Vault
    auth_token: str = attrs.field(default="", repr=False)
    clock: Callable[[], float] = time.time
    _tokens: Tokens | None = attrs.field(init=False, default=None, repr=False)
    _good_until: float = attrs.field(init=False, default=0.0)
    _memory: MemoryVault = attrs.field(init=False, factory=MemoryVault)

    async def token(self) -> str:
        """An access token. Raises `RefusedError` where nobody is signed in, `ConnectError`."""
        if self.auth_token:
            await trio.lowlevel.checkpoint()
            return self.auth_token
        tokens = await self._kept()
        if tokens is None:
            return await self._moved_token()
        if self.clock() < self._good_until - _MARGIN_SECONDS:
            return tokens.access_token
        return (await self._refresh(tokens)).access_token

    async def renew(self) -> bool:
        """The access token was refused: get another. False where there is no way to."""
        if self.auth_token:
            await trio.lowlevel.checkpoint()
            return False
        tokens = await self._kept()
        if tokens is None:
            return False
        try:
            await self._refresh(tokens)
        except RefusedError:
            return False
        return True

    async def sign_in(self, email: str, password: str, code: str = "") -> None:
        """Sign in; the tokens go to the keyring. Raises as `Accounts.login` does."""
        device = await self._read(self._name("device"))
        await self._take(await self.accounts.login(email, password, code=code, device_token=device))

    async def register(self, email: str, password: str) -> None:
        """Make an account and sign in. Raises as `Accounts.register` does."""
        await self._take(await self.accounts.register(email, password))

    async def sign_out(self) -> None:
        """End the sign-in here, and at the server if it can be reached."""
        tokens = await self._kept()
        if tokens is None:
            return
        await self._write(self._name("session"), "")
        self._tokens, self._good_until = None, 0.0
        try:
            await self.accounts.logout(tokens.refresh_token)
        except (RequestError, ConnectError) as error:
            log.info("the sign-in could not be ended at the server: %s", error)

    async def profile(self) -> Profile:
        """Whose sign-in it is, and the credit left. Raises as `token` and `Accounts.me` do."""
        return await self.accounts.me(await self.token())

    async def _kept(self) -> Tokens | None:
        if self._tokens is None:
            self._tokens, self._good_until = _parsed(await self._read(self._name("session")))
        return self._tokens

    async def _moved_token(self) -> str:
        """The token that stood in the app's file until it was moved."""
        token = await self._read(TOKEN)
        if not token:
            raise RefusedError("auth_failed", _SIGNED_OUT, 4401)
        return token

    def _name(self, what: str) -> str:
        """Of an entry for this server alone."""
        return f"{what} {self.accounts.server_url}"

    async def _refresh(self, tokens: Tokens) -> Tokens:
        try:
            return await self._take(await self.accounts.refresh(tokens.refresh_token))
        except RequestError as error:
            if error.status not in _REFUSED:
                raise ConnectError(f"the server answers with {error.status}: {error}") from error
            raise RefusedError("auth_failed", error.message, 4401) from error

    async def _take(self, tokens: Tokens) -> Tokens:
        self._tokens = tokens
        self._good_until = self.clock() + (tokens.expires_in or 0)
        kept = {
            "access": tokens.access_token,
            "refresh": tokens.refresh_token,
            "until": self._good_until,
        }
        await self._write(self._name("session"), json.dumps(kept))
        if tokens.device_token:
            await self._write(self._name("device"), tokens.device_token)
        return tokens

    async def _read(self, name: str) -> str:
        try:
            return await trio.to_thread.run_sync(self.vault.get, name)
        except VaultError as error:
            log.warning("%s", error)
            return self._memory.get(name)

    async def _write(self, name: str, secret: str) -> None:
        """Whole or not at all: a refresh token that was received must not be lost on the way."""
        with trio.move_on_after(_KEEPING_SECONDS, shield=True):
            await self._keep(name, secret)

    async def _keep(self, name: str, secret: str) -> None:
        try:
            await trio.to_thread.run_sync(self.vault.set, name, secret)
        except VaultError as error:
            log.warning("%s: this sign-in lasts until the app ends", error)
            self._memory.set(name, secret)


def _parsed(kept: str) -> tuple[Tokens | None, float]:
    """What was kept, and until when the access token is good."""
    try:
        found = json.loads(kept) if kept else None
        if isinstance(found, dict):
            return Tokens(str(found["access"]), str(found["refresh"])), float(found["until"])
    except (ValueError, KeyError, TypeError):
        log.warning("the keyring's entry of relayd can't be read: sign in again")
    return None, 0.0
