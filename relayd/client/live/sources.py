"""Who makes the words: a relay, Deepgram with the user's own key, or this machine."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import attrs
import trio

from relayd.client.deepgram import open_deepgram
from relayd.client.errors import RefusedError
from relayd.client.link import Deadlines
from relayd.client.live.credentials import Credentials
from relayd.client.live.settings import Mode, Settings
from relayd.client.live.vault import KEY, Vault, VaultError
from relayd.client.local import open_local
from relayd.client.machine import chosen
from relayd.client.messages import Message, Ready
from relayd.client.resuming import open_resuming_stream
from relayd.client.session import Ending
from relayd.client.transport import Connect, dial

__all__ = ["Line", "Local", "Managed", "OwnKey", "Source", "source_of"]


class Line(Protocol):
    """An open stream; `relayd.client.session.Stream` says what each of these does."""

    @property
    def ready(self) -> Ready:
        """Who answers, and the credit at the beginning: infinite where nobody counts."""

    @property
    def ending(self) -> Ending | None:
        """How it ended, once it did."""

    async def send(self, audio: bytes) -> bool:
        """Send audio; False once it is over."""

    async def keepalive(self) -> bool:
        """Say that the app is still there."""

    async def stop(self) -> bool:
        """No more audio: the last words follow."""

    def __aiter__(self) -> "Line":
        """What is said, until the end."""

    async def __anext__(self) -> Message:
        """Raises `DisconnectedError` or `RefusedError`."""


class Source(Protocol):
    """Opens lines."""

    def open(self) -> AbstractAsyncContextManager[Line]:
        """Open a line. Raises `ConnectError`, `RefusedError` or `DisconnectedError`."""

    async def renew(self) -> bool:
        """Who we are was not believed: whether another attempt may fare better."""


@attrs.frozen
class Managed:
    """A relay, with a sign-in."""

    server_url: str
    config: Mapping[str, Any]
    credentials: Credentials
    connect: Connect = dial
    deadlines: Deadlines = attrs.field(factory=Deadlines)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        """Open a stream through the relay; it outlives its connections, each with a good token."""
        async with open_resuming_stream(
            self.server_url,
            self.credentials.token,
            self.config,
            deadlines=self.deadlines,
            connect=self.connect,
        ) as stream:
            yield stream

    async def renew(self) -> bool:
        """Get a new token for the old one."""
        return await self.credentials.renew()


@attrs.frozen
class OwnKey:
    """Deepgram, with a key of the user's: this one, or that of the vault."""

    key: str = attrs.field(repr=False)
    vault: Vault
    config: Mapping[str, Any]
    url: str
    connect: Connect = dial
    deadlines: Deadlines = attrs.field(factory=Deadlines)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        """Open a stream at Deepgram."""
        key = self.key or await self._kept_key()
        async with open_deepgram(
            key, self.config, url=self.url, deadlines=self.deadlines, connect=self.connect
        ) as stream:
            yield stream

    async def renew(self) -> bool:
        """A key stays what it is."""
        return False

    async def _kept_key(self) -> str:
        try:
            key = await trio.to_thread.run_sync(self.vault.get, KEY)
        except VaultError as error:
            raise RefusedError("auth_failed", f"There is no Deepgram key: {error}", 4401) from error
        if not key:
            raise RefusedError("auth_failed", "There is no Deepgram key yet: enter one.", 4401)
        return key


@attrs.frozen
class Local:
    """An engine on this machine: that of this name, or the best one for the language."""

    engine: str = ""
    language: str = ""
    model: str = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        """Start the engine."""
        async with open_local(chosen(self.engine, self.language, self.model)) as stream:
            yield stream

    async def renew(self) -> bool:
        """Nobody asks who we are."""
        return False


def source_of(settings: Settings, credentials: Credentials, connect: Connect = dial) -> Source:
    """What these settings ask for."""
    config = settings.stream_config()
    if settings.mode is Mode.LOCAL:
        return Local(settings.local_engine, settings.language, settings.local_model)
    if settings.mode is Mode.BYOK:
        return OwnKey(
            settings.byok_api_key, credentials.vault, config, settings.deepgram_url, connect
        )
    return Managed(settings.server_url, config, credentials, connect)
