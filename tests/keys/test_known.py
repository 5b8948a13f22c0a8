"""What a process remembers of keys, and for how long."""

from uuid import UUID, uuid4

import attrs
import pytest

from relayd.identity import Credential, CredentialKind, Principal, Scope
from relayd.keys import known
from relayd.keys.known import KnownKeys
from relayd.keys.outcomes import KeyStanding

HASH = b"h" * 32


@attrs.define
class Hands:
    """A clock that stands still."""

    now: float = 1000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def standing(expires_in: float | None = None, used_ago: float | None = 0.0) -> KeyStanding:
    """Of a key."""
    principal = Principal.by_key(uuid4(), uuid4(), frozenset({Scope.READ}))
    return KeyStanding(principal, expires_in, used_ago)


def remembering(clock: Hands, *, told: bool = True) -> tuple[KnownKeys, KeyStanding]:
    """One key is known."""
    keys, one = KnownKeys(clock), standing()
    if told:
        keys.begin()
    keys.remember(HASH, one, keys.changes)
    assert keys.recall(HASH) == one.principal
    return keys, one


def test_remembered_for_minutes_while_changes_are_told() -> None:
    """Five minutes, and two seconds where nobody would tell."""
    for told, seconds in ((True, 300.0), (False, 2.0)):
        clock = Hands()
        keys, _ = remembering(clock, told=told)
        clock.now += seconds - 0.1
        assert keys.recall(HASH) is not None
        clock.now += 0.2
        assert keys.recall(HASH) is None


def test_forgotten_when_told_so() -> None:
    """The end of the key is the end of its memory; another credential's is not."""
    keys, one = remembering(Hands())
    key_id = one.principal.key_id
    assert key_id is not None
    keys.credential_ended(Credential(CredentialKind.SIGN_IN, key_id))
    keys.credential_ended(Credential(CredentialKind.KEY, uuid4()))
    assert keys.recall(HASH) is not None
    keys.credential_ended(Credential(CredentialKind.KEY, key_id))
    assert keys.recall(HASH) is None


def test_forgotten_when_the_telling_begins_or_ends() -> None:
    """What happened in between was told to nobody."""
    for event in (KnownKeys.begin, KnownKeys.end):
        keys, _ = remembering(Hands())
        event(keys)
        assert keys.recall(HASH) is None


def test_what_was_read_before_a_change_is_not_kept() -> None:
    """It may have been read before the key ended."""
    keys = KnownKeys(Hands())
    as_of = keys.changes
    keys.credential_ended(Credential(CredentialKind.KEY, uuid4()))
    keys.remember(HASH, standing(), as_of)
    assert keys.recall(HASH) is None


def test_an_expiry_is_kept_to_the_moment() -> None:
    """A key that runs out is not good until it is forgotten, but until then."""
    clock = Hands()
    keys = KnownKeys(clock)
    keys.remember(HASH, standing(expires_in=1.5), keys.changes)
    clock.now += 1.4
    assert keys.recall(HASH) is not None
    clock.now += 0.2
    assert keys.recall(HASH) is None


def test_use_is_told_once_a_minute() -> None:
    """However often a key is checked."""
    clock = Hands()
    told: list[UUID] = []
    keys = KnownKeys(clock, told.append)
    keys.begin()
    one = standing(used_ago=None)
    keys.remember(HASH, one, keys.changes)
    for _ in range(120):
        keys.recall(HASH)
        clock.now += 1
    assert told == [one.principal.key_id] * 2


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that wasn't used for longest goes first."""
    monkeypatch.setattr(known, "_KEYS_MAX", 2)
    keys = KnownKeys(Hands())
    for number in (b"1", b"2"):
        keys.remember(number, standing(), keys.changes)
    keys.recall(b"1")
    keys.remember(b"3", standing(), keys.changes)
    assert [keys.recall(one) is not None for one in (b"1", b"2", b"3")] == [True, False, True]
