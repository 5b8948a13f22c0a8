"""The keys that a process remembers, so that a check asks nobody.

Pure bookkeeping; nothing in it waits. The database tells every process when a key is over, so one
that is remembered is good. While nobody would tell, a key is remembered for two seconds.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from uuid import UUID

import attrs

from relayd.identity import Credential, CredentialKind, Principal
from relayd.keys.outcomes import KeyStanding

__all__ = ["KnownKeys"]

# Each has some 500 bytes: 5 MiB at most.
_KEYS_MAX: Final = 10_000
# However reliably one is told of changes, a key is looked at again after this.
_TOLD_SECONDS: Final = 300.0
_UNTOLD_SECONDS: Final = 2.0
_NOTE_SECONDS: Final = 60.0


@attrs.define(eq=False)
class _Known:
    principal: Principal
    until: float
    expires_at: float | None
    noted_at: float


@attrs.define(eq=False)
class KnownKeys:
    """By their hashes; those that weren't used for longest are forgotten first."""

    clock: Callable[[], float] = time.monotonic
    # Called with a key that is in use, at most once a minute.
    used: Callable[[UUID], object] = lambda _: None
    told: bool = False
    # Grows with whatever may have changed a key: what was read before isn't remembered.
    changes: int = 0
    _by_hash: OrderedDict[bytes, _Known] = attrs.field(factory=OrderedDict)
    _hashes: dict[UUID, bytes] = attrs.field(factory=dict)

    def recall(self, key_hash: bytes) -> Principal | None:
        """Whose key it is, where that is remembered and it is good."""
        known = self._by_hash.get(key_hash)
        if known is None:
            return None
        now = self.clock()
        if now >= known.until or (known.expires_at is not None and now >= known.expires_at):
            self._forget(key_hash)
            return None
        if now - known.noted_at >= _NOTE_SECONDS:
            known.noted_at = now
            assert known.principal.key_id is not None
            self.used(known.principal.key_id)
        self._by_hash.move_to_end(key_hash)
        return known.principal

    def remember(self, key_hash: bytes, standing: KeyStanding, as_of: int) -> None:
        """Keep what was read; ``as_of``: what `changes` was before that."""
        if as_of != self.changes:
            return
        now = self.clock()
        key_id = standing.principal.key_id
        assert key_id is not None
        self._by_hash[key_hash] = _Known(
            standing.principal,
            now + (_TOLD_SECONDS if self.told else _UNTOLD_SECONDS),
            None if standing.expires_in is None else now + standing.expires_in,
            now - _NOTE_SECONDS if standing.used_ago is None else now - standing.used_ago,
        )
        self._hashes[key_id] = key_hash
        if len(self._by_hash) > _KEYS_MAX:
            self._forget(next(iter(self._by_hash)))

    def begin(self) -> None:
        """From now on every change is told; before, something may have happened."""
        self._clear()
        self.told = True

    def credential_ended(self, credential: Credential) -> None:
        """Forget a key that is over."""
        if credential.kind is CredentialKind.KEY:
            self.changes += 1
            key_hash = self._hashes.get(credential.id)
            if key_hash is not None:
                self._forget(key_hash)

    def end(self) -> None:
        """Nothing is told any more."""
        self._clear()
        self.told = False

    def _forget(self, key_hash: bytes) -> None:
        known = self._by_hash.pop(key_hash)
        assert known.principal.key_id is not None
        del self._hashes[known.principal.key_id]

    def _clear(self) -> None:
        self.changes += 1
        self._by_hash.clear()
        self._hashes.clear()
