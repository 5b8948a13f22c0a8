"""The transactions of keys in memory: a `Database` for those of `relayd.keys.rows`.

A verified fake: `tests/keys/contract.py` runs against it and against PostgreSQL.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID, uuid4

import attrs
import trio

from relayd.errors import DatabaseUnavailable
from relayd.identity import Principal
from relayd.keys.outcomes import ApiKey, KeyRefusal, KeyStanding, WantedKey
from relayd.keys.spelling import FreshKey

__all__ = ["MemoryKeys"]

P = ParamSpec("P")
T = TypeVar("T")


@attrs.define(eq=False)
class MemoryKeys:
    """Every transaction is a method of the same name; ``now`` is the database's clock."""

    now: dt.datetime = attrs.field(factory=lambda: dt.datetime.now(dt.UTC))
    reachable: bool = True
    # How often it was asked.
    asked: int = 0
    disabled: set[UUID] = attrs.field(factory=set)
    _keys: dict[bytes, ApiKey] = attrs.field(factory=dict)

    async def transact(
        self, function: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do here what the transaction does there; atomic, as nothing awaits within."""
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if not self.reachable:
            raise DatabaseUnavailable("no database")
        here = getattr(self, function.__name__)
        return cast("T", here(*args, **kwargs))

    async def probe(self) -> bool:
        """Whether it is reachable."""
        await trio.lowlevel.checkpoint()
        return self.reachable

    def age(self, seconds: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(seconds=seconds)

    def insert_key(self, wanted: WantedKey, fresh: FreshKey, most: int) -> ApiKey | KeyRefusal:
        """See `rows`."""
        if wanted.user_id in self.disabled:
            return KeyRefusal.UNKNOWN_USER
        good = [one for one in self._of(wanted.user_id) if self._is_good(one)]
        if len(good) >= most:
            return KeyRefusal.TOO_MANY
        made = ApiKey(
            uuid4(),
            wanted.user_id,
            wanted.name,
            fresh.hint,
            wanted.test,
            wanted.scopes,
            self.now,
            wanted.expires_at,
            None,
            None,
        )
        self._keys[fresh.hash] = made
        return made

    def keys_of(self, user_id: UUID) -> list[ApiKey]:
        """See `rows`."""
        return self._of(user_id)[::-1]

    def revoke_key(self, key_id: UUID, user_id: UUID | None) -> ApiKey | None:
        """See `rows`."""
        for key_hash, one in self._keys.items():
            if one.id == key_id and user_id in {None, one.user_id}:
                self._keys[key_hash] = attrs.evolve(one, revoked_at=one.revoked_at or self.now)
                return self._keys[key_hash]
        return None

    def standing_of(self, key_hash: bytes) -> KeyStanding | None:
        """See `rows`."""
        one = self._keys.get(key_hash)
        if one is None or not self._is_good(one):
            return None
        principal = Principal.by_key(one.user_id, one.id, one.scopes, test=one.test)
        return KeyStanding(principal, self._until(one.expires_at), self._since(one.last_used_at))

    def key_stands(self, key_id: UUID | None) -> bool:
        """See `rows`."""
        return any(one.id == key_id and self._is_good(one) for one in self._keys.values())

    def note_uses(self, key_ids: Sequence[UUID]) -> None:
        """See `rows`."""
        for key_hash, one in self._keys.items():
            since = self._since(one.last_used_at)
            if one.id in key_ids and (since is None or since > 59):
                self._keys[key_hash] = attrs.evolve(one, last_used_at=self.now)

    def _of(self, user_id: UUID) -> list[ApiKey]:
        return [one for one in self._keys.values() if one.user_id == user_id]

    def _is_good(self, one: ApiKey) -> bool:
        until = self._until(one.expires_at)
        over = one.revoked_at is not None or (until is not None and until <= 0)
        return not over and one.user_id not in self.disabled

    def _until(self, moment: dt.datetime | None) -> float | None:
        return None if moment is None else (moment - self.now).total_seconds()

    def _since(self, moment: dt.datetime | None) -> float | None:
        return None if moment is None else (self.now - moment).total_seconds()
