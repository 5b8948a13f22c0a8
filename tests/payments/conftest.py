"""Databases in numbers, for tests of payments that play many histories."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

__all__ = ["new_database"]


@contextmanager
def _database(server_url: str, template: str) -> Iterator[str]:
    name = f"relayd_test_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        yield make_conninfo(server_url, dbname=name)
        connection.execute(drop.format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def new_database(postgres_server_url: str, template_name: str) -> Iterator[Callable[[], str]]:
    """Makes a migrated database at each call; all are dropped at the end."""
    with ExitStack() as databases:
        yield lambda: databases.enter_context(_database(postgres_server_url, template_name))
