"""TLS where the daemon serves it by itself: 1.2 or later, authenticated encryption, HTTP/1.1."""

import ssl
from pathlib import Path
from typing import Final

import trio

from relayd import logs
from relayd.errors import ConfigError
from relayd.websocket import streams
from relayd.websocket.tls import TlsStream

__all__ = ["shake_hands", "tls_context"]

log = logs.get(__name__)

# Of TLS 1.2: forward secret, with AEAD (RFC 9325, 4.2); every suite of 1.3 is. What OpenSSL would
# allow beside them encrypts in CBC mode.
_SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """The server's context. Raises `ConfigError` for files that can't be used."""
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
        name = "server.tls_certificate"
        raise ConfigError(
            name,
            f"certificate {certificate} with key {key or certificate} can't be loaded ({problem});"
            " give the full chain in PEM form and its unencrypted private key",
        ) from problem
    return context


async def shake_hands(
    stream: trio.SocketStream, context: ssl.SSLContext, seconds: float
) -> TlsStream | None:
    """TLS on a fresh connection; None, and the connection cut, when it fails or takes too long."""
    secure = TlsStream(stream, context, server_side=True)
    done = False
    try:
        with trio.move_on_after(seconds):
            await secure.do_handshake()
            done = True
    except streams.LOST as problem:
        log.debug("TLS handshake failed", problem=problem)
    finally:
        if not done:
            streams.cut(secure)
    return secure if done else None
