"""What all runs share: a database, customers with credit, a certificate."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs

from bench.books import Books, open_books
from bench.certificate import Certificate, make_certificate
from bench.cluster import Cluster, cluster

__all__ = ["Stage", "stage"]

# As many streams each as an account may have by default, at the largest load.
_CUSTOMERS: Final = 200
_CREDIT_MS: Final = 1000 * 3_600_000


@attrs.frozen
class Stage:
    """Everything but the relay and what loads it."""

    cluster: Cluster
    books: Books
    tokens: tuple[str, ...]
    certificate: Certificate


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Set it while entered; in the end the books must balance."""
    with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
        certificate = await make_certificate(Path(directory))
        async with cluster() as server, open_books(await server.create("relayd")) as books:
            customers = [await books.customer(_CREDIT_MS) for _ in range(_CUSTOMERS)]
            tokens = tuple(customer.token for customer in customers)
            yield Stage(server, books, tokens, certificate)
            if findings := await books.audit():
                raise SystemExit(f"the books do not balance: {findings}")
