"""The certificate that the daemon serves, judged as an app's own library would.

It is shown to a client of OpenSSL's through memory, with this machine's certification authorities:
so chain, dates and name are judged by the code that judges them in the field.
"""

import contextlib
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from relayd.checks.finding import Finding
from relayd.config import Server
from relayd.edge.tls import tls_context
from relayd.errors import ConfigError

__all__ = ["judge"]

SUBJECT: Final = "certificate"
# Whoever renews automatically does it earlier: the usual client at thirty days.
DAYS_LEFT_LEAST: Final = 14
_DAY_SECONDS: Final = 86_400
# OpenSSL's X509_V_ERR_…: expired, not yet valid.
_DATES: Final = {9, 10}
_NAME: Final = 62
_FULL_CHAIN: Final = (
    "give the full chain in server.tls_certificate (fullchain.pem, not cert.pem); where the "
    "authority is your own, apps and this machine have to trust it"
)
# The algorithm of an RSA key, in DER (RFC 8017, appendix C: 1.2.840.113549.1.1.1). Signatures that
# are made with one have other numbers.
_RSA_KEY: Final = bytes.fromhex("06092a864886f70d010101")
_ECDSA: Final = (
    "its key is RSA, with which every handshake takes many times the CPU that it takes with ECDSA: "
    "get the next one for a P-256 key"
)


def judge(server: Server) -> Iterator[Finding]:
    """Whether it can be served, and whether apps will take it."""
    if server.tls_certificate is None:
        return
    try:
        context = tls_context(server.tls_certificate, server.tls_key)
    except ConfigError as error:
        yield Finding(SUBJECT, well=False, detail=error.problem)
        return
    host = urlsplit(server.public_url).hostname
    try:
        _shake(context, _trusting(server.tls_certificate))
        shown = _shake(context, ssl.create_default_context(), host)
    except ssl.SSLCertVerificationError as error:
        yield _refused(error, server, host)
        return
    yield _dated(shown, server.tls_certificate)


def _refused(error: ssl.SSLCertVerificationError, server: Server, host: str | None) -> Finding:
    where, why = server.tls_certificate, error.verify_message
    if error.verify_code in _DATES:
        return Finding(SUBJECT, False, f"{where}: {why}", "renew it, then restart relayd")
    if error.verify_code == _NAME:
        remedy = "get one for that name, or correct server.public_url"
        return Finding(SUBJECT, False, f"{where} is not for {host}, the host of public_url", remedy)
    return Finding(SUBJECT, False, f"apps won't trust {where}: {why}", _FULL_CHAIN)


def _dated(shown: ssl.SSLObject, where: Path) -> Finding:
    facts: Any = shown.getpeercert()
    until = ssl.cert_time_to_seconds(facts["notAfter"])
    days = int((until - time.time()) // _DAY_SECONDS)
    detail = f"{where}, {days} days left"
    if days < DAYS_LEFT_LEAST:
        return Finding(SUBJECT, False, detail, "renew it, then restart relayd")
    leaf = shown.getpeercert(binary_form=True)
    return Finding(SUBJECT, True, detail, _ECDSA if leaf and _RSA_KEY in leaf else "")


def _trusting(certificate: Path) -> ssl.SSLContext:
    """A client that takes these certificates for authorities, so that only their dates count."""
    client = ssl.create_default_context(cafile=str(certificate))
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return client


def _shake(
    server: ssl.SSLContext, client: ssl.SSLContext, host: str | None = None
) -> ssl.SSLObject:
    """A handshake in memory; the client, which took the certificate."""
    client.check_hostname = host is not None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=host)
    # Its hello, our certificate, its judgement.
    for end in (theirs, ours, theirs):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return theirs
