"""TLS where the daemon serves it by itself: 1.2 or later, authenticated encryption, HTTP/1.1."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs
import trio

from relayd import logs
from relayd.errors import ConfigError
from relayd.websocket import streams
from relayd.websocket.tls import TlsStream, Wait

__all__ = ["Handshakes", "tls_context"]

log = logs.get(__name__)

# Of TLS 1.2: forward secret, with AEAD (RFC 9325, 4.2); every suite of 1.3 is. What OpenSSL would
# allow beside them encrypts in CBC mode.
_SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

# A step that is over sooner, as it is with ECDSA, delays nobody.
_LONG_SECONDS: Final = 0.001


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """The server's context. Raises `ConfigError` for files that can't be used."""
    for name, path in (("tls_certificate", certificate), ("tls_key", key or certificate)):
        _see_readable(f"server.{name}", path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    # Keys don't change within a connection: nothing has to be written in order to read.
    context.options |= ssl.OP_NO_RENEGOTIATION
    # Without this a client may choose h2, and then a WebSocket can't be opened.
    context.set_alpn_protocols(["http/1.1"])
    try:
        # A password, or OpenSSL would ask the terminal for that of an encrypted key.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as problem:
        if isinstance(problem, ssl.SSLError) and problem.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                "server.tls_key",
                f"{key or certificate} is not the key of the certificate {certificate}: name the"
                " two that were made together, the server's own certificate first in its file",
            ) from problem
        raise ConfigError(
            "server.tls_certificate",
            f"certificate {certificate} with key {key or certificate} can't be loaded ({problem});"
            " give the full chain in PEM form and its unencrypted private key",
        ) from problem
    return context


def _see_readable(name: str, path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as problem:
        raise ConfigError(
            name,
            f"can't read {path}: {problem.strerror}; it must be readable by the user of relayd",
        ) from problem


@attrs.define(eq=False)
class Handshakes:
    """Those of one door, a step at a time, with rests between those that take long.

    A client that replays a recorded hello has us sign for nothing: 5 ms with RSA of 4096 bits. How
    often one address may is counted where it connects; however many addresses do, no more than
    half of a core signs for them, and once a step was seen to take long, beside the loop.
    """

    context: ssl.SSLContext
    # A handshake that takes longer is cut off.
    seconds: float
    clock: Callable[[], float] = time.perf_counter
    # Whether steps take long here; a thread costs more than a short one takes.
    _slow: bool = False
    _thread: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))
    _turn: trio.Lock = attrs.field(factory=trio.Lock)

    async def shake(self, stream: trio.SocketStream) -> TlsStream | None:
        """TLS on a fresh connection; None, and the connection cut, when it fails."""
        secure = None
        done = False
        try:
            with trio.move_on_after(self.seconds):
                # Who says nothing has nothing of OpenSSL's either.
                await trio.lowlevel.wait_readable(stream.socket)
                secure = TlsStream(stream, self.context, server_side=True)
                while (wait := await self.step(secure)) is not None:
                    await wait(secure.tls)
                done = True
        except streams.LOST as problem:
            log.debug("TLS handshake failed", problem=problem)
        finally:
            if not done:
                streams.cut(stream if secure is None else secure)
        return secure if done else None

    async def step(self, secure: TlsStream) -> Wait | None:
        """One step, once it is its turn; one that took long is followed by a rest as long."""
        async with self._turn:
            begun = self.clock()
            if self._slow:
                wait = await trio.to_thread.run_sync(secure.shake, limiter=self._thread)
            else:
                wait = secure.shake()
            took = self.clock() - begun
            if took >= _LONG_SECONDS:
                self._slow = True
                await trio.sleep(took)
        return wait
