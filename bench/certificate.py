"""A certificate for a run: the stand-in engine's, trusted as an operator adds one, or relayd's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import trio

__all__ = ["RSA_4096", "Certificate", "make_certificate"]

_ECDSA: Final = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
# What a handshake costs the most with: some 5 ms of a core each.
RSA_4096: Final = ("rsa:4096",)
_REQUEST: Final = (
    *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
    *("-addext", "subjectAltName=IP:127.0.0.1"),
)


@attrs.frozen
class Certificate:
    """Two files in PEM. It vouches for itself, so it is its own authority."""

    certificate: Path
    key: Path

    def trusted(self) -> dict[str, str]:
        """The environment in which Python's and Node's clients believe it."""
        return {
            "SSL_CERT_FILE": str(self.certificate),
            "NODE_EXTRA_CA_CERTS": str(self.certificate),
        }


async def make_certificate(directory: Path, kind: Sequence[str] = _ECDSA) -> Certificate:
    """Make one for 127.0.0.1, with this kind of key; the `openssl` command must be there."""
    made = Certificate(directory / "certificate.pem", directory / "key.pem")
    await trio.run_process(
        [
            *("openssl", "req", "-x509", "-newkey", *kind, *_REQUEST),
            *("-keyout", str(made.key), "-out", str(made.certificate)),
        ],
        capture_stderr=True,
    )
    return made
