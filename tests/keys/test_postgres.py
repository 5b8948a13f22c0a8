"""The contract on PostgreSQL, and what only a real database tells."""

from uuid import UUID

import attrs
import psycopg
import pytest

from relayd.accounts.users.deletion import delete_user
from relayd.accounts.users.users import insert_user, set_disabled
from relayd.database.ports import Connection, Database
from relayd.keys.keys import Keys
from tests.keys.contract import KeysContract, Store, made

pytestmark = pytest.mark.system

HASH = "$2b$04$" + "x" * 53


@attrs.define(eq=False)
class PostgresStore:
    """A database whose rows grow old on demand."""

    database: Database
    _emails: dict[UUID, str] = attrs.field(factory=dict)

    async def user(self) -> UUID:
        """A new one."""
        email = f"{len(self._emails)}@example.com"
        user = await self.database.transact(insert_user, email, HASH)
        assert user is not None
        self._emails[user.id] = email
        return user.id

    async def disable(self, user_id: UUID, *, disabled: bool = True) -> None:
        """As the operator does."""
        await self.database.transact(set_disabled, self._emails[user_id], disabled)

    async def age(self, seconds: float) -> None:
        """Move every key into the past."""
        await self.database.transact(_age, seconds)


def _age(connection: Connection, seconds: float) -> None:
    connection.execute(
        """
        UPDATE api_keys SET created_at = created_at - make_interval(secs => %(by)s),
                            expires_at = expires_at - make_interval(secs => %(by)s),
                            last_used_at = last_used_at - make_interval(secs => %(by)s)
        """,
        {"by": seconds},
    )


class TestOnPostgres(KeysContract):
    """The contract."""

    @pytest.fixture
    def store(self, database: Database) -> Store:
        """A fresh one."""
        return PostgresStore(database)


async def test_the_end_of_a_key_is_told(database: Database, database_url: str) -> None:
    """Revoking, disabling and enabling its user, and deleting the account, each tell of the key."""
    store = PostgresStore(database)
    keys, user_id = Keys(database), await store.user()
    key = await made(keys, user_id)
    with psycopg.connect(database_url, autocommit=True) as listening:
        listening.execute("LISTEN relayd_key")

        def told() -> list[str]:
            return [one.payload for one in listening.notifies(timeout=5, stop_after=1)]

        await store.disable(user_id)
        assert told() == [str(key.key.id)]
        await store.disable(user_id, disabled=False)
        assert told() == [str(key.key.id)]
        await keys.revoke(key.key.id, user_id)
        assert told() == [str(key.key.id)]
        second = await made(keys, user_id)
        await database.transact(delete_user, user_id, None)
        assert set(told()) == {str(key.key.id), str(second.key.id)}
    assert await keys.of_user(user_id) == []


async def test_no_key_is_stored(database: Database) -> None:
    """The database has a hash of a key, and nowhere the key."""
    key = await made(Keys(database), await PostgresStore(database).user())

    def whole(connection: Connection) -> str:
        return str(connection.execute("SELECT k::text FROM api_keys AS k").fetchall())

    stored = await database.transact(whole)
    assert key.text not in stored
    assert key.text[9:-4] not in stored
