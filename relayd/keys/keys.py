"""Keys: made, listed, revoked, and checked at every request of a program."""

from collections.abc import Sequence
from typing import Final, NoReturn
from uuid import UUID

import attrs
import trio

from relayd.background import keep
from relayd.database.ports import Database
from relayd.identity import Credential, CredentialKind, Principal
from relayd.keys import rows
from relayd.keys.known import KnownKeys
from relayd.keys.outcomes import ApiKey, KeyRefusal, MadeKey, WantedKey
from relayd.keys.spelling import Spelling

__all__ = ["Keys"]

# Between two notes of what is in use; each is one statement for all of it.
_NOTE_SECONDS: Final = 1.0


@attrs.define(eq=False)
class Keys:
    """Implements `relayd.identity.Authenticator` for keys. Raises `DatabaseUnavailable`."""

    database: Database
    spelling: Spelling = attrs.field(factory=Spelling)
    # Good keys of one account.
    per_user_max: int = 50
    known: KnownKeys = attrs.field(factory=KnownKeys)
    _in_use: set[UUID] = attrs.field(factory=set)
    _use: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.known.used = self._used

    async def make(self, wanted: WantedKey) -> MadeKey | KeyRefusal:
        """A new key; its text is in this answer and nowhere else."""
        fresh = self.spelling.make(test=wanted.test)
        made = await self.database.transact(rows.insert_key, wanted, fresh, self.per_user_max)
        return made if isinstance(made, KeyRefusal) else MadeKey(made, fresh.text)

    async def of_user(self, user_id: UUID) -> Sequence[ApiKey]:
        """All of a user's, newest first."""
        return await self.database.transact(rows.keys_of, user_id)

    async def revoke(self, key_id: UUID, user_id: UUID | None) -> ApiKey | None:
        """End a key, here at once and elsewhere as soon as that is told; None for an unknown one.

        ``user_id``: whose it must be; None where the operator revokes.
        """
        revoked = await self.database.transact(rows.revoke_key, key_id, user_id)
        self.known.credential_ended(Credential(CredentialKind.KEY, key_id))
        return revoked

    def recall(self, text: str) -> Principal | None:
        """The owner of a key that this process remembers; it asks nobody."""
        key_hash = self.spelling.hash_of(text)
        return None if key_hash is None else self.known.recall(key_hash)

    async def authenticate(self, token: str) -> Principal | None:
        """The owner of a good key. What isn't even spelled as one is refused without a query."""
        key_hash = self.spelling.hash_of(token)
        if key_hash is None:
            await trio.lowlevel.checkpoint()
            return None
        as_of = self.known.changes
        principal = self.known.recall(key_hash)
        if principal is not None:
            await trio.lowlevel.checkpoint()
            return principal
        standing = await self.database.transact(rows.standing_of, key_hash)
        if standing is None:
            return None
        self.known.remember(key_hash, standing, as_of)
        # As any other use of it, where it could be remembered: the first one shows at once.
        return self.known.recall(key_hash) or standing.principal

    async def stands(self, principal: Principal) -> bool:
        """Whether the key that somebody came in with is still good."""
        return await self.database.transact(rows.key_stands, principal.key_id)

    async def note_uses(self) -> NoReturn:
        """Write down what is in use, until cancelled: each key at most once a minute."""

        async def note() -> None:
            await self._use.wait()
            self._use = trio.Event()
            in_use, self._in_use = self._in_use, set()
            await self.database.transact(rows.note_uses, sorted(in_use))
            await trio.sleep(_NOTE_SECONDS)

        await keep("noting which keys are in use", note)

    def _used(self, key_id: UUID) -> None:
        self._in_use.add(key_id)
        self._use.set()
