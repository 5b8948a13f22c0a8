"""The transactions of keys."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

from relayd.database.ports import Connection
from relayd.identity import Principal, Scope
from relayd.keys.outcomes import ApiKey, KeyRefusal, KeyStanding, WantedKey
from relayd.keys.spelling import FreshKey

__all__ = ["insert_key", "key_stands", "keys_of", "note_uses", "revoke_key", "standing_of"]

_COLUMNS: Final[LiteralString] = """
    id, user_id, name, hint, test, scopes, created_at, expires_at, last_used_at, revoked_at
"""
# One that was noted so lately isn't written again.
_NOTED_SECONDS: Final = 59


def insert_key(
    connection: Connection, wanted: WantedKey, fresh: FreshKey, most: int
) -> ApiKey | KeyRefusal:
    """Add a key, unless its user has that many that are good."""
    # Locked, so that two that are made at once are counted one after the other.
    known = connection.execute(
        "SELECT FROM users WHERE id = %s AND disabled_at IS NULL FOR UPDATE", (wanted.user_id,)
    ).fetchone()
    if known is None:
        return KeyRefusal.UNKNOWN_USER
    row = connection.execute(
        f"""
        INSERT INTO api_keys (user_id, name, key_hash, hint, test, scopes, expires_at)
        SELECT %(user)s, %(name)s, %(hash)s, %(hint)s, %(test)s, %(scopes)s, %(expires)s
        WHERE (SELECT count(*) FROM api_keys
               WHERE user_id = %(user)s AND revoked_at IS NULL
                 AND (expires_at IS NULL OR expires_at > now())) < %(most)s
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - the columns are a constant
        {
            "user": wanted.user_id,
            "name": wanted.name,
            "hash": fresh.hash,
            "hint": fresh.hint,
            "test": wanted.test,
            "scopes": sorted(scope.value for scope in wanted.scopes),
            "expires": wanted.expires_at,
            "most": most,
        },
    ).fetchone()
    return KeyRefusal.TOO_MANY if row is None else _of_row(row)


def keys_of(connection: Connection, user_id: UUID) -> list[ApiKey]:
    """A user's keys, newest first, those that are over too."""
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM api_keys WHERE user_id = %s ORDER BY created_at DESC, id
        """,  # noqa: S608
        (user_id,),
    )
    return [_of_row(row) for row in rows]


def revoke_key(connection: Connection, key_id: UUID, user_id: UUID | None) -> ApiKey | None:
    """Revoke a key for good; twice is as once. None where there is none of this id.

    ``user_id``: whose it must be; None where the operator revokes.
    """
    row = connection.execute(
        f"""
        UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
        WHERE id = %(id)s AND (%(user)s::uuid IS NULL OR user_id = %(user)s)
        RETURNING {_COLUMNS}
        """,  # noqa: S608
        {"id": key_id, "user": user_id},
    ).fetchone()
    return None if row is None else _of_row(row)


def standing_of(connection: Connection, key_hash: bytes) -> KeyStanding | None:
    """The key of this hash; None for one that is unknown, over, or of a disabled user."""
    row = connection.execute(
        """
        SELECT k.user_id, k.id, k.scopes, k.test,
               extract(epoch FROM k.expires_at - now())::double precision,
               extract(epoch FROM now() - k.last_used_at)::double precision
        FROM api_keys AS k JOIN users AS u ON u.id = k.user_id
        WHERE k.key_hash = %s AND k.revoked_at IS NULL AND u.disabled_at IS NULL
          AND (k.expires_at IS NULL OR k.expires_at > now())
        """,
        (key_hash,),
    ).fetchone()
    if row is None:
        return None
    user_id, key_id, scopes, test, expires_in, used_ago = row
    principal = Principal.by_key(user_id, key_id, _scopes(scopes), test=test)
    return KeyStanding(principal, expires_in, used_ago)


def key_stands(connection: Connection, key_id: UUID | None) -> bool:
    """Whether a key is neither over nor of a disabled user."""
    row = connection.execute(
        """
        SELECT FROM api_keys AS k JOIN users AS u ON u.id = k.user_id
        WHERE k.id = %s AND k.revoked_at IS NULL AND u.disabled_at IS NULL
          AND (k.expires_at IS NULL OR k.expires_at > now())
        """,
        (key_id,),
    ).fetchone()
    return row is not None


def note_uses(connection: Connection, key_ids: Sequence[UUID]) -> None:
    """Note that these are used now; one that another daemon has just noted stays as it is."""
    connection.execute(
        """
        UPDATE api_keys SET last_used_at = now()
        WHERE id = ANY (%(ids)s)
          AND (last_used_at IS NULL OR last_used_at < now() - make_interval(secs => %(noted)s))
        """,
        {"ids": list(key_ids), "noted": _NOTED_SECONDS},
    )


def _of_row(row: tuple[Any, ...]) -> ApiKey:
    key_id, user_id, name, hint, test, scopes, *moments = row
    return ApiKey(key_id, user_id, name, hint, test, _scopes(scopes), *moments)


def _scopes(names: Sequence[str]) -> frozenset[Scope]:
    return frozenset(Scope(name) for name in names)
