"""Whether a schema is what its migrations make."""

from collections.abc import Iterator

import psycopg
import pytest

from relayd.database import migrate, shape
from relayd.database.ports import Connection

pytestmark = pytest.mark.system

OTHER_FUNCTION = """
    CREATE OR REPLACE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN RETURN NULL; END'
"""
NOT_VALIDATED = """
    ALTER TABLE credit_balance DROP CONSTRAINT credit_balance_not_negative,
    ADD CONSTRAINT credit_balance_not_negative CHECK (balance_ms >= 0) NOT VALID
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A migrated database."""
    with psycopg.connect(database_url) as connection:
        yield connection


def test_a_whole_one(connection: Connection) -> None:
    """Nothing is found, and nothing stays behind."""
    assert shape.differences(connection) == []
    query = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'relayd_%'"
    assert connection.execute(query).fetchall() == []


def test_what_somebody_added_is_theirs(connection: Connection) -> None:
    """An index, a column, a table or a view of an operator's own is no difference."""
    connection.execute(
        "CREATE INDEX my_index ON users (created_at); ALTER TABLE users ADD COLUMN mine int;"
        "CREATE TABLE mine (); CREATE VIEW theirs AS SELECT 1"
    )
    assert shape.differences(connection) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DROP TABLE stripe_events", "table stripe_events is"),
        ("ALTER TABLE boots DROP COLUMN host", "column boots.host is"),
        ("ALTER TABLE users ALTER email DROP NOT NULL", "column users.email is"),
        ("ALTER TABLE boots ALTER beats SET DEFAULT 1", "column boots.beats is"),
        ("ALTER TABLE boots ALTER beats TYPE numeric", "column boots.beats is"),
        ("ALTER TABLE usage_ledger DROP CONSTRAINT usage_ledger_once", "usage_ledger_once is"),
        ("DROP INDEX purchases_recent", "index purchases_recent is"),
        ("DROP TRIGGER users_want_stripe_customer ON users", "users_want_stripe_customer is"),
        ("ALTER TABLE usage_ledger DISABLE TRIGGER ALL", "usage_ledger_append_only is"),
        ("DROP SEQUENCE stripe_looks", "sequence stripe_looks is"),
        ("ALTER TABLE credit_watch SET LOGGED", "table credit_watch is"),
        (OTHER_FUNCTION, "function refuse_ledger_change() is"),
        (NOT_VALIDATED, "constraint credit_balance.credit_balance_not_negative is"),
    ],
)
def test_what_is_missing_or_other(connection: Connection, change: str, told: str) -> None:
    """Each kind of thing is looked at."""
    connection.execute(change.encode())
    found = shape.differences(connection)
    assert any(told in one for one in found), found


def test_a_missing_table_is_told_once(connection: Connection) -> None:
    """Not with each of its columns and constraints."""
    connection.execute("DROP TABLE stripe_events")
    assert shape.differences(connection) == ["table stripe_events is missing or changed"]


def test_a_sequence_behind_its_rows(connection: Connection) -> None:
    """The next row would get a number that is taken."""
    connection.execute(
        "INSERT INTO reconciliations (started_at, since, corrected)"
        " SELECT now(), now(), 0 FROM generate_series(1, 3)"
    )
    assert shape.differences(connection) == []
    connection.execute("SELECT setval('reconciliations_id_seq', 1)")
    assert shape.differences(connection) == [
        "the sequence of reconciliations.id is behind its rows (1 of 3)"
    ]


def test_an_older_schema_is_compared_with_its_own(empty_database_url: str) -> None:
    """Before an upgrade there is nothing wrong with it."""
    with psycopg.connect(empty_database_url) as connection:
        migrate.build(connection, migrate.known()[:2])
        assert shape.differences(connection) == []
        assert "stripe_events" in shape.objects(connection)["table"]
