"""What PostgreSQL refuses, in the operator's words, with what to do about it.

A refusal is a setting to change: asking again won't help. libpq hands no SQLSTATE over where a
connection fails, so those are known by the server's English text. What isn't known here counts as
an outage and is tried again, which does no harm.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors

from relayd.errors import DatabaseUnavailable, MigrationRefused

__all__ = ["connection_remedy", "first_line", "outages", "schema_refusals"]

# A part of the server's or libpq's text, and the remedy.
_CONNECTION: Final = (
    ("password authentication failed", "correct user and password in database.url"),
    ("no password supplied", "put the password into database.url, or into a .pgpass file"),
    (
        "Peer authentication failed",
        "connect as the system user of that name, or name a host and a password in database.url",
    ),
    ("Ident authentication failed", "name a user with a password in database.url"),
    ("no pg_hba.conf entry", "let this user in from here in the server's pg_hba.conf"),
    ("SSL was required", "set up TLS at the server, or take sslmode out of database.url"),
    ("is not permitted to log in", "ALTER ROLE … LOGIN, or name another user in database.url"),
    ("permission denied for database", "GRANT CONNECT ON DATABASE … TO …"),
    ("configuration parameter", "correct the options in database.url"),
    ("does not exist", "create it, or correct database.url"),
)
_OWNER: Final = "the easiest is a database of its own: CREATE DATABASE … OWNER …"
_DUPLICATES: Final = (
    errors.DuplicateTable,
    errors.DuplicateFunction,
    errors.DuplicateObject,
    errors.DuplicateColumn,
)


def connection_remedy(error: psycopg.Error) -> str | None:
    """What to do where the server answers and doesn't let us in; None for an outage."""
    text = str(error)
    return next((remedy for known, remedy in _CONNECTION if known in text), None)


@contextmanager
def schema_refusals() -> Iterator[None]:
    """Translate what goes wrong while the schema is read or made. Raises `MigrationRefused`."""
    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise MigrationRefused(
            f"PostgreSQL refuses: {first_line(error)}. The user of database.url must own "
            "relayd's tables and may create them: since PostgreSQL 15, GRANT ALL ON DATABASE is "
            f"not enough for that, GRANT ALL ON SCHEMA public is; {_OWNER}"
        ) from error
    except errors.InvalidSchemaName as error:
        raise MigrationRefused(
            f"PostgreSQL refuses: {first_line(error)}. The search_path of the user of "
            "database.url names no schema that is there: CREATE SCHEMA … AUTHORIZATION …"
        ) from error
    except _DUPLICATES as error:
        raise MigrationRefused(
            f"{first_line(error)}, and is not relayd's: the database belongs to another program, "
            f"or a restore was left half done. Nothing was changed; {_OWNER}"
        ) from error


@contextmanager
def outages() -> Iterator[None]:
    """Translate a server that went away. Raises `DatabaseUnavailable`."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(first_line(error)) from error


def first_line(error: psycopg.Error) -> str:
    """What happened; libpq never puts the password there.

    The first line only: what follows are questions (is the server running?) and further addresses.
    """
    lines = str(error).splitlines()
    return lines[0].rstrip(".?! ") if lines else type(error).__name__
