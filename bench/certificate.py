"""The stand-in engine's certificate: made for a run, and trusted the way an operator adds one."""

from pathlib import Path
from typing import Final

import attrs
import trio

__all__ = ["Certificate", "make_certificate"]

_REQUEST: Final = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
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


async def make_certificate(directory: Path) -> Certificate:
    """Make one for 127.0.0.1; the `openssl` command must be there."""
    made = Certificate(directory / "certificate.pem", directory / "key.pem")
    await trio.run_process(
        [*_REQUEST, "-keyout", str(made.key), "-out", str(made.certificate)],
        capture_stderr=True,
    )
    return made
