"""Deepgram's live API as an engine: where it is, who we are, one stream for each session."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import trio

import relayd
from relayd import config
from relayd.engines.deepgram.connection import PING_SECONDS, PONG_SECONDS, Caller, Connect
from relayd.engines.deepgram.messages import query
from relayd.engines.deepgram.stream import DeepgramStream
from relayd.errors import ConfigError, UpstreamError
from relayd.speech import options
from relayd.speech.offers import Offer
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.tariff import Tariff
from relayd.websocket.pump import Pump
from relayd.websocket.role import Timeouts
from relayd.websocket.tls import TlsStream

__all__ = ["Deepgram"]

# Messages that came before the end are in memory: reading them waits for nothing.
_DRAIN_SECONDS: Final = 0.1


class Deepgram:
    """The engine: one upstream connection for each stream, and one TLS context for all."""

    name: Final = "deepgram"

    def __init__(
        self, settings: config.Deepgram, pump: Pump, connect: Connect | None = None
    ) -> None:
        """``connect`` gives the transport of a connection; by default TCP, with TLS for wss."""
        unknown = sorted(set(settings.paid_features) - options.PAID_OPTIONS)
        if unknown:
            known = ", ".join(sorted(options.PAID_OPTIONS))
            raise ConfigError(
                "engines.deepgram.paid_features", f"{unknown[0]!r} is not one of {known}"
            )
        self.settings = settings
        self._policy = options.StreamPolicy(
            settings.model,
            settings.language,
            frozenset(settings.paid_features),
            tuple(Offer(one.name, one.languages, Tariff(one.rate)) for one in settings.models),
            self.name,
        )
        default = self.plan({})
        if isinstance(default, ConfigRefusal):
            raise ConfigError(
                f"engines.deepgram.{default.key}",
                f"is the default and not for sale in engines.deepgram.models: {default.message}",
            )
        url = urlsplit(settings.url)
        assert url.hostname is not None
        assert url.scheme == "wss" or _is_loopback(url.hostname)
        self._path = url.path.rstrip("/") + "/v1/listen?"
        self._caller = Caller(
            connect or _dialler(url.hostname, url.port, tls=url.scheme == "wss"),
            pump,
            url.netloc,
            (
                (b"Authorization", b"Token " + _header_value(settings.api_key)),
                (b"User-Agent", b"relayd/" + relayd.__version__.encode()),
            ),
            Timeouts(PING_SECONDS, PONG_SECONDS, settings.send_seconds, settings.close_seconds),
            settings.keepalive_seconds,
        )

    def plan(self, config: Mapping[str, Any]) -> StreamPlan | ConfigRefusal:
        """Check a client's ``config`` object."""
        return options.parse(config, self._policy)

    @asynccontextmanager
    async def open(self, plan: StreamPlan) -> AsyncIterator[DeepgramStream]:
        """Open a stream. Raises `UpstreamError`; what the body raises leaves as it is."""
        call = partial(self._caller.call, self._path + query(plan))
        stream = DeepgramStream(self.settings, plan, call)
        try:
            await stream.connect()
            yield stream
            await stream.close()
        finally:
            with trio.move_on_after(_DRAIN_SECONDS, shield=True):
                await stream.drain()
            stream.release()

    async def check(self) -> str | None:
        """Open a stream and close it without audio, which costs nothing. What is wrong, or None."""
        plan = self.plan({})
        assert isinstance(plan, StreamPlan)
        try:
            async with self.open(plan):
                pass
        except UpstreamError as error:
            return error.hint
        return None


def _header_value(key: config.Secret) -> bytes:
    """The key as it goes into a header; the refusal must not show it."""
    text = key.reveal()
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ConfigError("engines.deepgram.api_key", "holds a character that no key holds")
    return text.encode()


def _dialler(host: str, port: int | None, *, tls: bool) -> Connect:
    """Return what opens a transport to this address."""
    context = ssl.create_default_context() if tls else None
    if context is not None:
        # Keys don't change within a connection: nothing has to be written in order to read.
        context.options |= ssl.OP_NO_RENEGOTIATION

    async def dial() -> trio.abc.Stream:
        tcp = await trio.open_tcp_stream(host, port or (443 if tls else 80))
        if context is None:
            return tcp
        encrypted = TlsStream(tcp, context, server_hostname=host)
        try:
            await encrypted.do_handshake()
        except BaseException:
            encrypted.close()
            raise
        return encrypted

    return dial


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
