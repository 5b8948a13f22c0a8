"""The stand-in engine while it runs, as relays see it: an address, and whom to trust."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs

from bench.certificate import Certificate
from bench.child import Child, child, module

__all__ = ["Upstream", "upstream"]


@attrs.frozen
class Upstream:
    """One engine. It speaks TLS where it has a certificate."""

    process: Child
    port: int
    certificate: Certificate | None

    @property
    def url(self) -> str:
        """Where relays connect to."""
        return f"{'wss' if self.certificate else 'ws'}://127.0.0.1:{self.port}"

    @property
    def trusted(self) -> Mapping[str, str]:
        """The environment that a relay needs to believe it."""
        return self.certificate.trusted() if self.certificate else {}


@asynccontextmanager
async def upstream(
    frame_ms: int, certificate: Certificate | None, *, result_ms: int = 250, port: int = 0
) -> AsyncIterator[Upstream]:
    """Start an engine for frames of this length; on this port, beside others there."""
    options = {"--frame-ms": frame_ms, "--result-ms": result_ms, "--port": port}
    command = module("bench.engine", *(str(one) for pair in options.items() for one in pair))
    if certificate:
        command += ["--certificate", str(certificate.certificate), "--key", str(certificate.key)]
    async with child(command) as process:
        yield Upstream(process, (await process.hear())["port"], certificate)
