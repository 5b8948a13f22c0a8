"""Databases in numbers, for tests of payments that play many histories."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import pytest
from psycopg.conninfo import make_conninfo

from tests.fixtures.postgres import create_database, drop_database

__all__ = ["new_database"]


@contextmanager
def _database(server_url: str, template: str) -> Iterator[str]:
    name = f"relayd_test_{uuid4().hex[:12]}"
    create_database(server_url, name, template=template)
    yield make_conninfo(server_url, dbname=name)
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def new_database(postgres_server_url: str, template_name: str) -> Iterator[Callable[[], str]]:
    """Makes a migrated database at each call; all are dropped at the end."""
    with ExitStack() as databases:
        yield lambda: databases.enter_context(_database(postgres_server_url, template_name))
