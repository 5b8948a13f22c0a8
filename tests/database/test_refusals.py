"""What PostgreSQL refuses is the operator's to change: one line with a remedy, not asked twice."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
import trio
from psycopg import sql
from psycopg.conninfo import make_conninfo

from relayd import config
from relayd.database import migrate
from relayd.database.pool import open_database
from relayd.database.ports import Connection
from relayd.errors import ConfigError, DatabaseRefused, DatabaseUnavailable, MigrationRefused
from tests.database.refusing import refusing_server

SETTINGS = config.Database(connect_seconds=2, pool_size=1)


async def opening(url: str) -> None:
    """Open it, which is not expected to succeed."""
    async with open_database(SETTINGS, url, trio.CapacityLimiter(1)):
        raise AssertionError("it opened")


@pytest.fixture
def granted_url(postgres_server_url: str, empty_database_url: str) -> Iterator[str]:
    """A user who was given ALL ON DATABASE, and nothing else."""
    role = f"relayd_test_{uuid4().hex[:12]}"
    name = sql.Identifier(role)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("GRANT ALL ON DATABASE {} TO {}").format(database, name))
        yield make_conninfo(empty_database_url, user=role)
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[Connection]:
    """A database without our schema."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.system
@pytest.mark.parametrize(
    ("told", "remedy"),
    [
        ('password authentication failed for user "app"', "correct user and password"),
        ('database "relayd" does not exist', "create it"),
        ('role "app" does not exist', "create it"),
        ('no pg_hba.conf entry for host "::1", user "app", no encryption', "pg_hba.conf"),
        ('role "app" is not permitted to log in', "ALTER ROLE"),
        ('permission denied for database "relayd"', "GRANT CONNECT"),
        ('unrecognized configuration parameter "foo"', "correct the options"),
    ],
)
async def test_whom_the_server_does_not_let_in(told: str, remedy: str) -> None:
    """One attempt, the server's own words, what to do, and no password."""
    with refusing_server(told) as server:
        with pytest.raises(DatabaseRefused, match=remedy) as refused:
            await opening(server.url)
        assert server.attempts == 1
    assert told in str(refused.value)
    assert "sesame" not in str(refused.value)


@pytest.mark.system
@pytest.mark.parametrize(
    "told", ["the database system is starting up", "sorry, too many clients already"]
)
async def test_a_server_that_is_not_ready_is_an_outage(told: str) -> None:
    """It is asked again until the time is over."""
    with refusing_server(told) as server:
        with pytest.raises(DatabaseUnavailable, match=told):
            await opening(server.url)
        assert server.attempts > 1


@pytest.mark.parametrize("url", ["postgresql://u:ses%zame@h/d", "postgresql://u:ses@h/d?foo=1"])
async def test_what_is_no_url(url: str) -> None:
    """The key is named, and no part of the URL is repeated."""
    with pytest.raises(ConfigError) as refused:
        await opening(url)
    assert refused.value.key == "database.url"
    assert "ses" not in str(refused.value.problem)
    assert refused.value.__cause__ is None


@pytest.mark.system
def test_all_on_database_is_not_enough(granted_url: str) -> None:
    """Since PostgreSQL 15 it gives no right to make tables: the grant that does is named."""
    for tried in (migrate.apply, migrate.rehearse):
        with (
            psycopg.connect(granted_url) as connection,
            pytest.raises(MigrationRefused, match="GRANT ALL ON SCHEMA public"),
        ):
            tried(connection)


@pytest.mark.system
@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        ("CREATE TABLE users (id int)", '"users" already exists, and is not relayd\'s'),
        ("CREATE TABLE schema_migrations (version text)", "another program's"),
        ("ALTER ROLE CURRENT_USER IN DATABASE {} SET search_path = no_such", "search_path"),
    ],
)
def test_another_programs_database(connection: Connection, theirs: str, told: str) -> None:
    """It is refused and stays as it was."""
    name = connection.info.dbname
    connection.execute(theirs.replace("{}", f'"{name}"').encode())
    for tried in (migrate.apply, migrate.rehearse):
        with psycopg.connect(connection.info.dsn) as own:
            before = tables(own)
            with pytest.raises(MigrationRefused, match=told):
                tried(own)
            own.rollback()
            assert tables(own) == before


@pytest.mark.system
def test_a_rehearsal_leaves_nothing(connection: Connection) -> None:
    """It says what would be done, and the database stays empty."""
    assert [one.version for one in migrate.rehearse(connection)][:2] == [1, 2]
    assert tables(connection) == []


def tables(connection: Connection) -> list[str]:
    """What is in the database."""
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    return [row[0] for row in connection.execute(query).fetchall()]
