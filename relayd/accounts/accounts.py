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
from relayd.accounts.addresses import Addresses, moment
from relayd.accounts.operators import Operators
from relayd.accounts.outcomes import (
    ChangeRefusal,
    Credentials,
    Delayed,
    LoginRefusal,
    PasswordRefusal,
    RefreshRefusal,
    RegisterRefusal,
    SignedIn,
    User,
)
from relayd.accounts.proving import guesses
from relayd.accounts.proving.passwords import Asking, Passwords, is_checkable, problem
from relayd.accounts.proving.proving import Proving
from relayd.accounts.proving.totp import Totp
from relayd.accounts.second_factor import SecondFactor
from relayd.accounts.sign_ins import sign_ins
from relayd.accounts.sign_ins.devices import STRANGER, DeviceTokens, Visitor
from relayd.accounts.sign_ins.lifetimes import Keeper, Lifetimes
from relayd.accounts.sign_ins.sign_ins import Rotation, SignInTerms
from relayd.accounts.sign_ins.tokens import AccessTokens, RefreshToken, refresh_hash
from relayd.accounts.users import deletion, users
from relayd.accounts.users.emails import normalise
from relayd.accounts.users.gifts import Gift
from relayd.config import Auth
from relayd.database.ports import Database
from relayd.identity import Principal
from relayd.mail.letters import Kind, Letter, Letters
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
    proving: Proving
    tokens: AccessTokens
    lifetimes: Lifetimes
    gift: Gift | None = None
    # Where mail is sent.
    addresses: Addresses | None = None
    # Whether whoever moves money by hand must show a code of their second factor.
    operator_factor: bool = False
    second_factor: SecondFactor = attrs.field(init=False)
    operators: Operators = attrs.field(init=False)

    @second_factor.default
    def _make_second_factor(self) -> SecondFactor:
        return SecondFactor(self.database, self.proving, self.addresses)

    @operators.default
    def _make_operators(self) -> Operators:
        return Operators(self.database, self.proving, self.operator_factor)

    @classmethod
    def configured(
        cls,
        database: Database,
        auth: Auth,
        hashing: trio.CapacityLimiter,
        quotas: Quotas | None = None,
        *,
        mail: bool = False,
    ) -> Self:
        """With the operator's secrets and lifetimes; ``hashing``: whose threads hash passwords."""
        pepper, secret = auth.pepper.reveal().encode(), auth.secret.reveal().encode()
        quotas, gift = quotas or Counters(), Gift.configured(auth)
        passwords = Passwords(pepper, hashing, quotas=quotas)
        proving = Proving(database, passwords, DeviceTokens(secret), Totp(pepper))
        return cls(
            database,
            proving,
            AccessTokens(secret),
            Lifetimes.configured(auth),
            gift,
            Addresses(database, proving, Letters(pepper), quotas, gift) if mail else None,
            auth.operator_second_factor,
        )

    async def register(
        self,
        email: str,
        password: str,
        keeper: Keeper = Keeper.APP,
        visitor: Visitor = STRANGER,
    ) -> SignedIn | RegisterRefusal:
        """Make an account and sign it in; where mail is sent, it is asked to prove its address."""
        checked = await self._new_account(email, password, visitor)
        if isinstance(checked, RegisterRefusal):
            return checked
        address, hashed = checked
        refresh = RefreshToken()
        made = await self.database.transact(
            users.register,
            address,
            hashed,
            self._terms(refresh, keeper),
            self._letter(Kind.PROVE_ADDRESS) or self.gift,
        )
        if made is None:
            return RegisterRefusal.EMAIL_TAKEN
        return self._signed_in(made, refresh, keeper)

    async def login(
        self,
        email: str,
        password: str,
        keeper: Keeper = Keeper.APP,
        visitor: Visitor = STRANGER,
        code: str = "",
    ) -> SignedIn | LoginRefusal | Delayed:
        """Sign in; ``code``: of an authenticator app or for recovery, where the account takes one.

        An unknown address costs the same hash as a wrong password, gets the same answer and waits
        as long. A disabled user is told so, and that a code is needed, but only after the right
        password: to anyone else an account looks like any other.
        """
        if not is_checkable(password):
            return LoginRefusal.WRONG
        known = await self.database.transact(users.find_credentials, normalise(email) or "")
        denied = await self.proving.password(email, password, known, visitor)
        outcome = denied or await self._admitted(known, keeper, visitor, code)
        if isinstance(outcome, LoginRefusal):
            log.info(
                "login refused",
                reason=outcome.name.lower(),
                user=None if known is None else known.user.id,
                address=visitor.address,
            )
        return outcome

    async def _admitted(
        self, known: Credentials | None, keeper: Keeper, visitor: Visitor, code: str
    ) -> SignedIn | LoginRefusal | Delayed:
        """What a login comes to, once its password is known to be right."""
        assert known is not None, "nobody's password is right"
        if known.user.disabled_at is not None:
            return LoginRefusal.DISABLED
        denied = await self.proving.code(known, code, visitor)
        if denied is not None:
            return denied
        letter = None
        if self.proving.devices.known(visitor.device_token, known.user.id) is None:
            how = "an app" if keeper is Keeper.APP else "a browser"
            letter = self._letter(Kind.NEW_SIGN_IN, where=visitor.address, how=how)
        refresh = RefreshToken()
        terms = self._terms(refresh, keeper)
        sign_in_id = await self.database.transact(
            sign_ins.start_sign_in, known.user.id, known.password_hash, terms, letter
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
        self,
        principal: Principal,
        present: str,
        new: str,
        keeper: Keeper = Keeper.APP,
        visitor: Visitor = STRANGER,
    ) -> SignedIn | PasswordRefusal | Delayed:
        """Change one's own password: every sign-in ends, and a new one begins for who asked."""
        if problem(new) is not None:
            return PasswordRefusal.INVALID_PASSWORD
        known = await self.proving.own_account(principal, present, visitor)
        if not isinstance(known, Credentials):
            return known
        if problem(new, known.user.email) is not None:
            return PasswordRefusal.INVALID_PASSWORD
        hashed = await self.proving.passwords.hash(new)
        if hashed is None:
            return PasswordRefusal.BUSY
        refresh = RefreshToken()
        made = await self.database.transact(
            users.change_password,
            known,
            hashed,
            self._terms(refresh, keeper),
            self._letter(Kind.PASSWORD_CHANGED),
        )
        return PasswordRefusal.OVERTAKEN if made is None else self._signed_in(made, refresh, keeper)

    async def delete_own(
        self, principal: Principal, password: str, visitor: Visitor = STRANGER
    ) -> User | PasswordRefusal | Delayed:
        """Delete one's own account for good; what stays of it is nobody's.

        Every sign-in ends, live sessions at their next renewal. Credit that is left is lost; what
        was used and paid stays in the books. The address may register anew.
        """
        known = await self.proving.own_account(principal, password, visitor)
        if not isinstance(known, Credentials):
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
            forgotten = await self.database.transact(guesses.prune_guesses, _PRUNE_ROWS)
            removed += gone
            if max(gone, forgotten) < _PRUNE_ROWS:
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
        if problem(password, address) is not None:
            return ChangeRefusal.INVALID_PASSWORD
        hashed = await self.proving.passwords.hash(password)
        if hashed is None:
            return ChangeRefusal.BUSY
        user = await self.database.transact(
            users.set_password, address, hashed, self._letter(Kind.PASSWORD_CHANGED)
        )
        return ChangeRefusal.UNKNOWN_USER if user is None else user

    async def _set_disabled(self, email: str, *, disabled: bool) -> User | ChangeRefusal:
        address = normalise(email)
        if address is None:
            return ChangeRefusal.UNKNOWN_USER
        user = await self.database.transact(users.set_disabled, address, disabled)
        return ChangeRefusal.UNKNOWN_USER if user is None else user

    async def _new_account(
        self, email: str, password: str, visitor: Visitor = STRANGER
    ) -> tuple[str, str] | RegisterRefusal:
        """The address in its one spelling, and the hashed password."""
        address = normalise(email)
        if address is None:
            return RegisterRefusal.INVALID_EMAIL
        if problem(password, address) is not None:
            return RegisterRefusal.INVALID_PASSWORD
        asking = Asking(visitor.block)
        hashed = await self.proving.passwords.hash(password, asking)
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

    def _letter(self, kind: Kind, **facts: str) -> Letter | None:
        """One of this kind, written now; None where no mail is sent."""
        if self.addresses is None:
            return None
        return self.addresses.letters.new(kind, when=moment(), **facts)

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
            device_token=self.proving.devices.issue(principal),
            expires_seconds=seconds,
            refresh_expires_seconds=made.seconds,
        )
