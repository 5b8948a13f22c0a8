"""What holds of keys wherever they are stored."""

import datetime as dt
from typing import Protocol
from uuid import UUID, uuid4

import pytest

from relayd.database.ports import Database
from relayd.identity import Principal, Scope
from relayd.keys import rows
from relayd.keys.keys import Keys
from relayd.keys.known import KnownKeys
from relayd.keys.outcomes import KeyRefusal, MadeKey, WantedKey

__all__ = ["KeysContract", "Store", "made"]

READ = frozenset({Scope.READ})


class Store(Protocol):
    """A place for keys that has users, and grows old on demand."""

    @property
    def database(self) -> Database:
        """For the transactions."""

    async def user(self) -> UUID:
        """A new user."""

    async def disable(self, user_id: UUID, *, disabled: bool = True) -> None:
        """Keep a user out, or let them in again."""

    async def age(self, seconds: float) -> None:
        """Let time pass."""


async def made(
    keys: Keys, user_id: UUID, *, expires_at: dt.datetime | None = None, test: bool = False
) -> MadeKey:
    """A key that reads."""
    key = await keys.make(WantedKey(user_id, "mine", READ, test, expires_at))
    assert isinstance(key, MadeKey)
    return key


class KeysContract:
    """Run with a fixture `store`."""

    @pytest.fixture
    def keys(self, store: Store) -> Keys:
        """That remember nothing, so that each check looks."""
        return Keys(store.database, per_user_max=3, known=KnownKeys(told=False, clock=Forgetful()))

    async def test_a_key_says_who_and_for_what(self, store: Store, keys: Keys) -> None:
        """A key that was made is its user's, with its scopes; another one is nobody's."""
        user_id = await store.user()
        key = await made(keys, user_id)
        found = await keys.authenticate(key.text)
        assert found == Principal.by_key(user_id, key.key.id, READ)
        assert await keys.authenticate(keys.spelling.make(test=False).text) is None

    async def test_the_list_has_no_secret(self, store: Store, keys: Keys) -> None:
        """A user sees their own keys, newest first, without what is secret of them."""
        user_id = await store.user()
        first, second = await made(keys, user_id), await made(keys, user_id)
        await made(keys, await store.user())
        found = await keys.of_user(user_id)
        assert {one.id for one in found} == {first.key.id, second.key.id}
        assert first.text not in repr(found)
        assert first.text not in repr(first)

    async def test_a_revoked_key_is_nobodys(self, store: Store, keys: Keys) -> None:
        """It stays in the list with the moment; revoking it twice is as once."""
        user_id = await store.user()
        key = await made(keys, user_id)
        revoked = await keys.revoke(key.key.id, user_id)
        assert revoked is not None
        assert revoked.revoked_at is not None
        assert await keys.authenticate(key.text) is None
        assert await keys.revoke(key.key.id, None) == revoked
        assert await keys.of_user(user_id) == [revoked]

    async def test_only_its_owner_revokes_it(self, store: Store, keys: Keys) -> None:
        """Somebody else's key is as one that isn't there."""
        key = await made(keys, await store.user())
        assert await keys.revoke(key.key.id, await store.user()) is None
        assert await keys.revoke(uuid4(), None) is None
        assert await keys.authenticate(key.text) is not None

    async def test_an_expired_key_is_nobodys(self, store: Store, keys: Keys) -> None:
        """It is good until its time, and not after it."""
        until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        key = await made(keys, await store.user(), expires_at=until)
        assert await keys.authenticate(key.text) is not None
        await store.age(86_401)
        assert await keys.authenticate(key.text) is None

    async def test_a_disabled_user_has_no_key(self, store: Store, keys: Keys) -> None:
        """Keys are good for nothing while their user is disabled, and good again afterwards."""
        user_id = await store.user()
        key = await made(keys, user_id)
        await store.disable(user_id)
        assert await keys.authenticate(key.text) is None
        assert await keys.make(WantedKey(user_id, "more", READ)) is KeyRefusal.UNKNOWN_USER
        await store.disable(user_id, disabled=False)
        assert await keys.authenticate(key.text) is not None

    async def test_nobody_has_too_many(self, store: Store, keys: Keys) -> None:
        """Only good keys count: revoking one makes room for another."""
        user_id = await store.user()
        first = await made(keys, user_id)
        for _ in range(2):
            await made(keys, user_id)
        assert await keys.make(WantedKey(user_id, "more", READ)) is KeyRefusal.TOO_MANY
        await keys.revoke(first.key.id, user_id)
        await made(keys, user_id)

    async def test_use_is_noted_once_a_minute(self, store: Store, keys: Keys) -> None:
        """A second note within the minute changes nothing."""
        user_id = await store.user()
        key = await made(keys, user_id)
        await store.database.transact(rows.note_uses, [key.key.id])
        (noted,) = await keys.of_user(user_id)
        assert noted.last_used_at is not None
        await store.database.transact(rows.note_uses, [key.key.id])
        assert await keys.of_user(user_id) == [noted]
        await store.age(60)
        (aged,) = await keys.of_user(user_id)
        await store.database.transact(rows.note_uses, [key.key.id])
        (later,) = await keys.of_user(user_id)
        assert later.last_used_at is not None
        assert aged.last_used_at is not None
        assert later.last_used_at > aged.last_used_at


class Forgetful:
    """A clock on which everything that is remembered has run out by the next look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """An hour later each time."""
        self.now += 3600
        return self.now
