"""Accounts: who someone is, how they sign in, and how that ends.

Expected outcomes are values (`relayd.accounts.outcomes`); only `DatabaseUnavailable` is raised.
Hashing happens between transactions, never inside one: a queue for the password threads must
not hold database connections.
"""

from collections.abc import Sequence
from typing import Final, Self

import attrs
import trio

from relayd import logs
from relayd.accounts import deletion, sign_ins, users
from relayd.accounts.emails import normalise
from relayd.accounts.lifetimes import Keeper, Lifetimes
from relayd.accounts.outcomes import (
    ChangeRefusal,
    Credentials,
    LoginRefusal,
    PasswordRefusal,
    RefreshRefusal,
    RegisterRefusal,
    SignedIn,
    User,
)
from relayd.accounts.passwords import Passwords, Verdict, is_checkable, problem
from relayd.accounts.sign_ins import Rotation, SignInTerms
from relayd.accounts.tokens import AccessTokens, RefreshToken, refresh_hash
from relayd.config import Auth
from relayd.database.ports import Database
from relayd.identity import Principal
from relayd.quotas.counters import Counters
from relayd.quotas.limits import Quotas

__all__ = ["Accounts"]

log = logs.get(__name__)

# One pass holds its locks for some milliseconds. A device that is always on leaves 96 spent tokens
# a day, so twenty passes every ten minutes keep up with 30,000 of them.
_PRUNE_ROWS: Final = 1000
_PRUNE_PASSES: Final = 20


@attrs.frozen
class Accounts:
    """Registration, sign-ins and the operator's changes."""

    database: Database
    passwords: Passwords
    tokens: AccessTokens
    lifetimes: Lifetimes

    @classmethod
    def configured(
        cls,
        database: Database,
        auth: Auth,
        hashing: trio.CapacityLimiter,
        quotas: Quotas | None = None,
    ) -> Self:
        """With the operator's secrets and lifetimes; ``hashing``: whose threads hash passwords."""
        return cls(
            database,
            Passwords(auth.pepper.reveal().encode(), hashing, quotas=quotas or Counters()),
            AccessTokens(auth.secret.reveal().encode()),
            Lifetimes.configured(auth),
        )

    async def register(
        self, email: str, password: str, keeper: Keeper = Keeper.APP
    ) -> SignedIn | RegisterRefusal:
        """Make an account and sign it in."""
        checked = await self._new_account(email, password)
        if isinstance(checked, RegisterRefusal):
            return checked
        address, hashed = checked
        refresh = RefreshToken()
        made = await self.database.transact(
            users.register, address, hashed, self._terms(refresh, keeper)
        )
        if made is None:
            return RegisterRefusal.EMAIL_TAKEN
        return self._signed_in(made, refresh, keeper)

    async def login(
        self, email: str, password: str, keeper: Keeper = Keeper.APP
    ) -> SignedIn | LoginRefusal:
        """Sign in.

        An unknown address costs the same hash as a wrong password and gets the same answer.
        A disabled user is told so, but only after the right password: to anyone else a
        disabled account looks like any other.
        """
        if not is_checkable(password):
            return LoginRefusal.WRONG
        known = await self.database.transact(users.find_credentials, normalise(email) or "")
        verdict = await self.passwords.verify(password, known.password_hash if known else None)
        if verdict is Verdict.BUSY:
            return LoginRefusal.BUSY
        if verdict is Verdict.MISMATCH or known is None:
            return LoginRefusal.WRONG
        if known.user.disabled_at is not None:
            return LoginRefusal.DISABLED
        refresh = RefreshToken()
        terms = self._terms(refresh, keeper)
        sign_in_id = await self.database.transact(
            sign_ins.start_sign_in, known.user.id, known.password_hash, terms
        )
        if sign_in_id is None:
            return LoginRefusal.WRONG
        begun = Rotation(known.user, sign_in_id, terms.first_seconds)
        return self._signed_in(begun, refresh, keeper)

    async def refresh(
        self, presented: str, keeper: Keeper = Keeper.APP
    ) -> SignedIn | RefreshRefusal:
        """Exchange a refresh token for the next pair of the same sign-in."""
        return await self._rotate(refresh_hash(presented), keeper)

    async def refresh_by_access(self, presented: str) -> SignedIn | RefreshRefusal:
        """The same with an app's access token that is still good: it spends what came beside it."""
        token = self.tokens.read(presented)
        return await self._rotate(None if token is None else token.refresh_hash, Keeper.APP)

    async def logout(self, principal: Principal) -> None:
        """End the sign-in that an access token came from; ending it twice is no error."""
        if principal.sign_in_id is not None:
            await self.database.transact(sign_ins.end_sign_in, principal.sign_in_id)

    async def logout_by_token(self, presented: str) -> None:
        """End the sign-in of a refresh token, spent or not; an unknown one is no error."""
        spent = refresh_hash(presented)
        if spent is not None:
            await self.database.transact(sign_ins.end_sign_in_of_token, spent)

    async def logout_everywhere(self, principal: Principal) -> None:
        """End every sign-in of a user, live sessions at their next renewal."""
        await self.database.transact(sign_ins.end_sign_ins, principal.user_id)

    async def change_password(
        self, principal: Principal, present: str, new: str, keeper: Keeper = Keeper.APP
    ) -> SignedIn | PasswordRefusal:
        """Change one's own password: every sign-in ends, and a new one begins for who asked."""
        if problem(new) is not None:
            return PasswordRefusal.INVALID_PASSWORD
        known = await self._proven(principal, present)
        if isinstance(known, PasswordRefusal):
            return known
        hashed = await self.passwords.hash(new)
        if hashed is None:
            return PasswordRefusal.BUSY
        refresh = RefreshToken()
        made = await self.database.transact(
            users.change_password, known, hashed, self._terms(refresh, keeper)
        )
        return PasswordRefusal.OVERTAKEN if made is None else self._signed_in(made, refresh, keeper)

    async def delete_own(self, principal: Principal, password: str) -> User | PasswordRefusal:
        """Delete one's own account for good; what stays of it is nobody's.

        Every sign-in ends, live sessions at their next renewal. Credit that is left is lost; what
        was used and paid stays in the books. The address may register anew.
        """
        known = await self._proven(principal, password)
        if isinstance(known, PasswordRefusal):
            return known
        nobody = await self.database.transact(
            deletion.delete_user, known.user.id, known.password_hash
        )
        return PasswordRefusal.OVERTAKEN if nobody is None else nobody

    async def authenticate(self, token: str) -> Principal | None:
        """The owner of an access token whose sign-in still stands.

        Unlike `AccessTokens.authenticate` this asks the database, so that a logout or a
        disabled account ends access at once, not when the token runs out.
        """
        principal = self.tokens.authenticate(token)
        if principal is None or principal.sign_in_id is None:
            return None
        signed_in = await self.database.transact(
            sign_ins.is_signed_in, principal.sign_in_id, principal.user_id
        )
        return principal if signed_in else None

    async def me(self, principal: Principal) -> User | None:
        """The account of an authenticated user."""
        return await self.database.transact(users.find_user, principal.user_id)

    async def prune(self) -> int:
        """Delete some of what ran out long ago; how many rows. Call it every ten minutes or so."""
        removed = 0
        for _ in range(_PRUNE_PASSES):
            gone = await self.database.transact(sign_ins.prune, _PRUNE_ROWS)
            removed += gone
            if gone < _PRUNE_ROWS:
                break
        return removed

    # The operator's side.

    async def add(self, email: str, password: str) -> User | RegisterRefusal:
        """Make an account without signing it in."""
        checked = await self._new_account(email, password)
        if isinstance(checked, RegisterRefusal):
            return checked
        user = await self.database.transact(users.insert_user, *checked)
        return RegisterRefusal.EMAIL_TAKEN if user is None else user

    async def find(self, email: str) -> User | None:
        """The user of an address, however it is spelled."""
        address = normalise(email)
        if address is None:
            return None
        return await self.database.transact(users.find_user, address)

    async def list(self, after: str = "", limit: int = 1000) -> Sequence[User]:
        """A page of accounts by address, beginning after this one."""
        return await self.database.transact(users.list_users, after, limit)

    async def disable(self, email: str) -> User | ChangeRefusal:
        """Keep a user out: every sign-in ends, live sessions at their next renewal."""
        return await self._set_disabled(email, disabled=True)

    async def enable(self, email: str) -> User | ChangeRefusal:
        """Let a user log in again; old sign-ins stay ended."""
        return await self._set_disabled(email, disabled=False)

    async def delete(self, email: str) -> User | ChangeRefusal:
        """Delete an account for good, as its owner can: see `delete_own`."""
        user = await self.find(email)
        if user is None:
            return ChangeRefusal.UNKNOWN_USER
        nobody = await self.database.transact(deletion.delete_user, user.id, None)
        return ChangeRefusal.UNKNOWN_USER if nobody is None else nobody

    async def set_password(self, email: str, password: str) -> User | ChangeRefusal:
        """Change a password and end every sign-in."""
        address = normalise(email)
        if address is None:
            return ChangeRefusal.UNKNOWN_USER
        if problem(password) is not None:
            return ChangeRefusal.INVALID_PASSWORD
        hashed = await self.passwords.hash(password)
        if hashed is None:
            return ChangeRefusal.BUSY
        user = await self.database.transact(users.set_password, address, hashed)
        return ChangeRefusal.UNKNOWN_USER if user is None else user

    async def _set_disabled(self, email: str, *, disabled: bool) -> User | ChangeRefusal:
        address = normalise(email)
        if address is None:
            return ChangeRefusal.UNKNOWN_USER
        user = await self.database.transact(users.set_disabled, address, disabled)
        return ChangeRefusal.UNKNOWN_USER if user is None else user

    async def _proven(self, principal: Principal, password: str) -> Credentials | PasswordRefusal:
        """What a signed-in user's own password was found to match."""
        if not is_checkable(password):
            return PasswordRefusal.WRONG
        known = await self.database.transact(users.find_credentials_by_id, principal.user_id)
        if known is None:
            return PasswordRefusal.OVERTAKEN
        match await self.passwords.verify(password, known.password_hash):
            case Verdict.MATCH:
                return known
            case Verdict.MISMATCH:
                return PasswordRefusal.WRONG
            case Verdict.BUSY:
                return PasswordRefusal.BUSY

    async def _new_account(self, email: str, password: str) -> tuple[str, str] | RegisterRefusal:
        """The address in its one spelling, and the hashed password."""
        address = normalise(email)
        if address is None:
            return RegisterRefusal.INVALID_EMAIL
        if problem(password) is not None:
            return RegisterRefusal.INVALID_PASSWORD
        hashed = await self.passwords.hash(password)
        return RegisterRefusal.BUSY if hashed is None else (address, hashed)

    async def _rotate(self, spent: bytes | None, keeper: Keeper) -> SignedIn | RefreshRefusal:
        if spent is None:
            return RefreshRefusal.UNKNOWN
        following = self.tokens.successor(spent)
        rotated = await self.database.transact(
            sign_ins.rotate, spent, self._terms(following, keeper)
        )
        if rotated is RefreshRefusal.REUSED:
            log.warning("spent refresh token came back; its sign-in was ended")
        if isinstance(rotated, RefreshRefusal):
            return rotated
        return self._signed_in(rotated, following, keeper)

    def _terms(self, refresh: RefreshToken, keeper: Keeper) -> SignInTerms:
        return SignInTerms(refresh.hash, keeper, self.lifetimes.of(keeper))

    def _signed_in(self, made: Rotation, refresh: RefreshToken, keeper: Keeper) -> SignedIn:
        principal = Principal.signed_in(made.user.id, made.sign_in_id)
        # An access token never outlives its sign-in.
        seconds = min(self.lifetimes.of(keeper).access_seconds, made.seconds)
        return SignedIn(
            user=made.user,
            principal=principal,
            token=self.tokens.issue(principal, refresh.hash, seconds),
            refresh_token=refresh.text,
            expires_seconds=seconds,
            refresh_expires_seconds=made.seconds,
        )
