"""Whether a schema is what its migrations make: tables, columns, constraints, triggers and all.

`schema_migrations` says what was applied, not what is still there: a restore that was left half
done has the rows of that table and lacks the constraints that keep the books right. So the same
migrations are run once more into a schema beside it, the two are compared as PostgreSQL describes
them, and everything is undone.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, LiteralString
from uuid import uuid4

from psycopg import sql

from relayd.database import migrate
from relayd.database.migrate import Migration
from relayd.database.ports import Connection

__all__ = ["differences", "objects"]

# Each gives lines of text, equal for equal things. Whatever depends on the names of schemas is
# printed as PostgreSQL does for what the search path finds, without them.
_PARTS: Final[dict[str, LiteralString]] = {
    "table": """
        SELECT relname || CASE relpersistence WHEN 'u' THEN ' (unlogged)' ELSE '' END
        FROM pg_class WHERE relnamespace = %(schema)s AND relkind IN ('r', 'p')
    """,
    "sequence": """
        SELECT relname FROM pg_class WHERE relnamespace = %(schema)s AND relkind = 'S'
    """,
    "column": """
        SELECT format('%%s.%%s %%s%%s%%s%%s', c.relname, a.attname,
                      format_type(a.atttypid, a.atttypmod),
                      CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
                      ' ' || nullif(a.attidentity::text, ''),
                      ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid))
        FROM pg_attribute AS a
        JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = %(schema)s AND a.attnum > 0 AND NOT a.attisdropped
    """,
    # Since PostgreSQL 18 NOT NULL is a constraint of its own; the column says it already.
    "constraint": """
        SELECT format('%%s.%%s %%s', conrelid::regclass, conname, pg_get_constraintdef(oid, true))
        FROM pg_constraint
        WHERE connamespace = %(schema)s AND contype IN ('c', 'f', 'p', 'u', 'x')
    """,
    "index": """
        SELECT c.relname || ' ' || pg_get_indexdef(i.indexrelid, 0, true)
               || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE c.relnamespace = %(schema)s
    """,
    "trigger": """
        SELECT format('%%s.%%s %%s %%s', c.relname, t.tgname, t.tgenabled,
                      pg_get_triggerdef(t.oid, true))
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE c.relnamespace = %(schema)s AND NOT t.tgisinternal
    """,
    "function": """
        SELECT format('%%s(%%s) %%s', proname, pg_get_function_identity_arguments(oid), md5(prosrc))
        FROM pg_proc WHERE pronamespace = %(schema)s
    """,
}
_IDENTITIES: Final[LiteralString] = """
    SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND a.attidentity <> ''
    ORDER BY 1
"""


def differences(connection: Connection) -> list[str]:
    """What of our schema is missing or other than it was made; empty where it is whole.

    What somebody added is theirs. Raises `psycopg.errors.InsufficientPrivilege` where the user may
    make no schema in this database.
    """
    applied = len(migrate.known()) - len(migrate.pending(connection))
    with connection.transaction(force_rollback=True):
        ours = _current_schema(connection)
        wanted = _as_made(connection, migrate.known()[:applied])
        found = set(_parts(connection, ours))
    missing = [part for part in wanted if part not in found]
    return [*map(_told, _outermost(missing)), *_stale_sequences(connection)]


def objects(connection: Connection) -> dict[str, list[str]]:
    """The names of the tables, sequences and functions that all migrations make, by kind."""
    with connection.transaction(force_rollback=True):
        made = _as_made(connection, migrate.known())
    kinds = [part.split(" ", 1) for part in made]
    return {
        kind: [text.split("(")[0].strip() for one, text in kinds if one == kind]
        for kind in ("table", "sequence", "function")
    }


def _outermost(missing: Sequence[str]) -> Iterator[str]:
    """Without the parts of tables that are missing themselves."""
    tables = {part.split()[1] for part in missing if part.startswith("table ")}
    for part in missing:
        kind, text = part.split(" ", 1)
        if kind in {"table", "function", "sequence"} or not tables & set(re.findall(r"\w+", text)):
            yield part


def _told(part: str) -> str:
    kind, name, *_ = part.split()
    return f"{kind} {name} is missing or changed"


def _as_made(connection: Connection, migrations: Sequence[Migration]) -> list[str]:
    """The parts of a schema that these migrations make."""
    scratch = f"relayd_check_{uuid4().hex[:12]}"
    ours = _current_schema(connection)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(scratch)))
    _search(connection, scratch)
    migrate.build(connection, migrations)
    parts = list(_parts(connection, scratch))
    _search(connection, ours)
    return parts


def _parts(connection: Connection, schema: str) -> Iterator[str]:
    identifier = connection.execute("SELECT quote_ident(%s)::regnamespace::oid", (schema,))
    row = identifier.fetchone()
    assert row is not None
    for kind, query in _PARTS.items():
        for (text,) in connection.execute(query, {"schema": row[0]}).fetchall():
            yield f"{kind} {text}"


def _stale_sequences(connection: Connection) -> Iterator[str]:
    """Identity columns whose next value is taken already."""
    for table, column in connection.execute(_IDENTITIES).fetchall():
        query = sql.SQL(
            "SELECT coalesce(max({column}), 0), coalesce(pg_sequence_last_value("
            "pg_get_serial_sequence(%s, %s)::regclass), 0) FROM {table}"
        ).format(table=sql.Identifier(table), column=sql.Identifier(column))
        row = connection.execute(query, (table, column)).fetchone()
        assert row is not None
        highest, last = row
        if last < highest:
            yield f"the sequence of {table}.{column} is behind its rows ({last} of {highest})"


def _current_schema(connection: Connection) -> str:
    row = connection.execute("SELECT current_schema()").fetchone()
    assert row is not None
    return str(row[0])


def _search(connection: Connection, schema: str) -> None:
    """Look for tables in this schema alone, until the transaction ends."""
    connection.execute("SELECT set_config('search_path', quote_ident(%s), true)", (schema,))
