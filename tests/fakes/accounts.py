"""The accounts' transactions in memory: a `Database` for those of `users`, `sign_ins` and more.

A verified fake: `tests/accounts/contract.py` runs against it and against PostgreSQL.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID, uuid4

import attrs
import trio
import trio.lowlevel

from relayd.accounts.operator_trail import Deed
from relayd.accounts.outcomes import Credentials, RefreshRefusal, User
from relayd.accounts.sign_ins.lifetimes import Keeper
from relayd.accounts.sign_ins.sign_ins import GRACE_SECONDS, Rotation, SignInTerms
from relayd.accounts.users.gifts import Gift
from relayd.errors import DatabaseUnavailable
from relayd.mail.letters import Letter
from tests.fakes.factors import MemoryFactors

P = ParamSpec("P")
T = TypeVar("T")


@attrs.define(eq=False)
class SignIn:
    """A family of refresh tokens."""

    id: UUID
    user_id: UUID
    keeper: Keeper
    created_at: dt.datetime
    expires_at: dt.datetime
    ended: bool = False


@attrs.define(eq=False)
class Refresh:
    """One refresh token."""

    sign_in: SignIn
    expires_at: dt.datetime
    spent_at: dt.datetime | None = None


@attrs.define(eq=False)
class MemoryAccounts(MemoryFactors):
    """Every transaction is a method of the same name; ``now`` is the database's clock."""

    reachable: bool = True
    sign_ins: dict[UUID, SignIn] = attrs.field(factory=dict)
    refreshes: dict[bytes, Refresh] = attrs.field(factory=dict)
    operators: set[UUID] = attrs.field(factory=set)

    # What operators' programs looked at: the action, to whom, why, and who.
    trail: list[tuple[str, UUID, str, UUID | None]] = attrs.field(factory=list)

    async def transact(
        self,
        function: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do here what the transaction does there; atomic, as nothing awaits within."""
        await trio.lowlevel.checkpoint()
        if not self.reachable:
            raise DatabaseUnavailable("no database")
        here = getattr(self, function.__name__)
        return cast("T", here(*args, **kwargs))

    async def probe(self) -> bool:
        """Whether it is reachable."""
        await trio.lowlevel.checkpoint()
        return self.reachable

    def record(self, deed: Deed, operator_id: UUID | None, login: str, *, factor: bool) -> None:
        """See `operator_trail`."""
        self.trail.append((deed.action, deed.user_id, deed.reason, operator_id))

    def age(self, seconds: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(seconds=seconds)

    def is_operator(self, user_id: UUID) -> bool:
        """See `operator_trail`."""
        return user_id in self.operators

    def insert_user(self, email: str, password_hash: str) -> User | None:
        """See `users`."""
        if email in self.users:
            return None
        user = self.users[email] = User(uuid4(), email, self.now)
        self.hashes[user.id] = password_hash
        return user

    def register(
        self,
        email: str,
        password_hash: str,
        terms: SignInTerms,
        beginning: Letter | Gift | None = None,
    ) -> Rotation | None:
        """See `users`."""
        user = self.insert_user(email, password_hash)
        if user is None:
            return None
        if isinstance(beginning, Gift):
            self.give(beginning, user)
        else:
            self.post(beginning, user.id, user.email)
        return Rotation(user, self._insert_sign_in(user.id, terms), terms.first_seconds)

    def find_credentials(self, email: str) -> Credentials | None:
        """See `users`."""
        user = self.users.get(email)
        if user is None:
            return None
        return Credentials(user, self.hashes[user.id], self.has_factor(user.id))

    def find_credentials_by_id(self, user_id: UUID) -> Credentials | None:
        """See `users`."""
        user = self.find_user(user_id)
        if user is None or not self.hashes[user.id]:
            return None
        return Credentials(user, self.hashes[user.id], self.has_factor(user.id))

    def list_users(self, after: str, limit: int) -> list[User]:
        """See `users`."""
        listed = [email for email in sorted(self.users) if not email.startswith("deleted ")]
        return [self.users[email] for email in listed if email > after][:limit]

    def set_disabled(self, email: str, disabled: bool) -> User | None:
        """See `users`."""
        user = self.users.get(email)
        if user is None:
            return None
        since = (user.disabled_at or self.now) if disabled else None
        if disabled:
            self.end_sign_ins(user.id)
        changed = self.users[email] = attrs.evolve(user, disabled_at=since)
        return changed

    def set_password(
        self, email: str, password_hash: str, letter: Letter | None = None
    ) -> User | None:
        """See `users`."""
        user = self.users.get(email)
        if user is not None:
            self.hashes[user.id] = password_hash
            self.end_sign_ins(user.id)
            self.drop_links(user.id)
            self.post(letter, user.id, user.email)
        return user

    def change_password(
        self,
        known: Credentials,
        password_hash: str,
        terms: SignInTerms,
        letter: Letter | None = None,
    ) -> Rotation | None:
        """See `users`."""
        user = self.find_user(known.user.id)
        if user is None or user.disabled_at or self.hashes[user.id] != known.password_hash:
            return None
        self.hashes[user.id] = password_hash
        self.end_sign_ins(user.id)
        self.drop_links(user.id)
        self.post(letter, user.id, user.email)
        return Rotation(user, self._insert_sign_in(user.id, terms), terms.first_seconds)

    def delete_user(self, user_id: UUID, password_hash: str | None) -> User | None:
        """See `deletion`."""
        user = self.find_user(user_id)
        if user is None or user.email.startswith("deleted "):
            return None
        own = password_hash is not None
        if own and (user.disabled_at or self.hashes[user_id] != password_hash):
            return None
        del self.users[user.email]
        self.hashes[user_id] = ""
        self.end_sign_ins(user_id)
        self.links = {key: one for key, one in self.links.items() if one.user_id != user_id}
        self.mails = [one for one in self.mails if one.user_id != user_id]
        self.factors.pop(user_id, None)
        since = user.disabled_at or self.now
        nobody = attrs.evolve(
            user, email=f"deleted {user_id}", disabled_at=since, email_proven_at=None
        )
        self.users[nobody.email] = nobody
        return nobody

    def start_sign_in(
        self, user_id: UUID, password_hash: str, terms: SignInTerms, letter: Letter | None = None
    ) -> UUID | None:
        """See `sign_ins`."""
        user = self.find_user(user_id)
        if user is None or user.disabled_at or self.hashes[user_id] != password_hash:
            return None
        self.post(letter, user.id, user.email)
        return self._insert_sign_in(user_id, terms)

    def rotate(self, presented: bytes, terms: SignInTerms) -> Rotation | RefreshRefusal:
        """See `sign_ins`."""
        token = self.refreshes.get(presented)
        if token is None:
            return RefreshRefusal.UNKNOWN
        user = self.find_user(token.sign_in.user_id)
        assert user is not None
        refusal = self._refusal(token, user, terms)
        if refusal is RefreshRefusal.REUSED:
            token.sign_in.ended = True
        if refusal is not None:
            return refusal
        if token.spent_at is None:
            token.spent_at = self.now
            over = token.sign_in.created_at + dt.timedelta(seconds=terms.lifetime.whole_seconds)
            token.sign_in.expires_at = min(self._later(terms.lifetime.idle_seconds), over)
            self.refreshes[terms.token_hash] = Refresh(token.sign_in, token.sign_in.expires_at)
        following = self.refreshes.get(terms.token_hash)
        if following is None:
            return RefreshRefusal.UNKNOWN
        seconds = max(1, int((following.expires_at - self.now).total_seconds()))
        return Rotation(user, token.sign_in.id, seconds)

    def end_sign_in(self, sign_in_id: UUID) -> bool:
        """See `sign_ins`."""
        sign_in = self.sign_ins.get(sign_in_id)
        if sign_in is None or sign_in.ended:
            return False
        sign_in.ended = True
        return True

    def end_sign_in_of_token(self, presented: bytes) -> bool:
        """See `sign_ins`."""
        token = self.refreshes.get(presented)
        return token is not None and self.end_sign_in(token.sign_in.id)

    def is_signed_in(self, sign_in_id: UUID, user_id: UUID) -> bool:
        """See `sign_ins`."""
        sign_in = self.sign_ins.get(sign_in_id)
        user = self.find_user(user_id)
        if sign_in is None or user is None or sign_in.user_id != user_id:
            return False
        return not sign_in.ended and user.disabled_at is None

    def prune(self, limit: int) -> int:
        """See `sign_ins`."""
        horizon = self.now - dt.timedelta(days=7)
        old = [key for key, token in self.refreshes.items() if token.expires_at < horizon][:limit]
        for key in old:
            del self.refreshes[key]
        over = [key for key, family in self.sign_ins.items() if family.expires_at < horizon]
        for sign_in_id in over[:limit]:
            del self.sign_ins[sign_in_id]
        return len(old) + len(over[:limit])

    def _insert_sign_in(self, user_id: UUID, terms: SignInTerms) -> UUID:
        expires_at = self._later(terms.first_seconds)
        family = SignIn(uuid4(), user_id, terms.keeper, self.now, expires_at)
        self.sign_ins[family.id] = family
        self.refreshes[terms.token_hash] = Refresh(family, family.expires_at)
        return family.id

    def _refusal(self, token: Refresh, user: User, terms: SignInTerms) -> RefreshRefusal | None:
        grace = dt.timedelta(seconds=GRACE_SECONDS)
        whole = dt.timedelta(seconds=terms.lifetime.whole_seconds)
        if token.sign_in.ended:
            return RefreshRefusal.ENDED
        if token.sign_in.keeper is not terms.keeper:
            return RefreshRefusal.MISPLACED
        if token.spent_at is not None and token.spent_at < self.now - grace:
            return RefreshRefusal.REUSED
        if token.expires_at <= self.now or token.sign_in.created_at + whole <= self.now:
            return RefreshRefusal.EXPIRED
        return None if user.disabled_at is None else RefreshRefusal.DISABLED

    def end_sign_ins(self, user_id: UUID) -> None:
        """See `sign_ins`."""
        for family in self.sign_ins.values():
            if family.user_id == user_id:
                family.ended = True

    def _later(self, seconds: float) -> dt.datetime:
        return self.now + dt.timedelta(seconds=seconds)
