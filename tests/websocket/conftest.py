"""Certificates for the tests of both ends."""

from pathlib import Path

import pytest

from tests.websocket.ends import secured


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost and its key."""
    return secured(tmp_path_factory.mktemp("tls"))
