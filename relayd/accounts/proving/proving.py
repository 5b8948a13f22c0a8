"""Whether somebody is who they say: the password, the code beside it, the wait after wrong ones."""

from uuid import UUID

import attrs

from relayd import logs
from relayd.accounts.outcomes import Credentials, Delayed, LoginRefusal, PasswordRefusal
from relayd.accounts.proving import guesses, second_factors
from relayd.accounts.proving.guesses import Guess
from relayd.accounts.proving.passwords import Asking, Passwords, Verdict, is_checkable
from relayd.accounts.proving.totp import Totp
from relayd.accounts.sign_ins.devices import DeviceTokens, Visitor
from relayd.accounts.users import users
from relayd.accounts.users.emails import normalise
from relayd.database.ports import Database
from relayd.identity import Principal

__all__ = ["Proving"]

log = logs.get(__name__)


@attrs.frozen
class Proving:
    """Looks at passwords and codes; every answer of its is the same for who has no account."""

    database: Database
    passwords: Passwords
    devices: DeviceTokens
    totp: Totp

    async def password(
        self, email: str, password: str, known: Credentials | None, visitor: Visitor
    ) -> LoginRefusal | Delayed | None:
        """Judge the password of an account; None where it is right."""
        device = self._device(known, visitor)
        address = normalise(email) or email
        attempt = Guess(guesses.named(self.passwords.pepper, address), visitor.block, device)
        wait = await self.database.transact(guesses.seconds_to_wait, attempt)
        if wait > 0:
            return self._delayed(known, visitor, wait)
        line = f"{attempt.account.hex()} {device or ''}"
        asking = Asking(visitor.block, line, known=device is not None)
        async with self.passwords.turn(asking) as granted:
            if not granted:
                return LoginRefusal.BUSY
            # Counted here and not before: of one account two at most are looked at at once.
            wait = await self.database.transact(guesses.begin_guess, attempt)
            if wait > 0:
                return self._delayed(known, visitor, wait)
            stored = None if known is None else known.password_hash
            verdict = await self.passwords.verify(password, stored, asking)
            return await self._counted(attempt, verdict)

    async def _counted(self, attempt: Guess, verdict: Verdict) -> LoginRefusal | None:
        """What an attempt comes to; the right password, and one not looked at, don't count."""
        match verdict:
            case Verdict.BUSY:
                await self.database.transact(guesses.take_back_guess, attempt)
                return LoginRefusal.BUSY
            case Verdict.MISMATCH:
                return LoginRefusal.WRONG
            case Verdict.MATCH:
                await self.database.transact(guesses.forget_guesses, attempt)
                return None

    async def own_account(
        self, principal: Principal, password: str, visitor: Visitor
    ) -> Credentials | PasswordRefusal | Delayed:
        """A signed-in user's own account, once they gave its password again.

        Their sign-in counts for itself: nobody else's guesses concern it.
        """
        known = await self.database.transact(users.find_credentials_by_id, principal.user_id)
        if known is None:
            return PasswordRefusal.OVERTAKEN
        if not is_checkable(password):
            return PasswordRefusal.WRONG
        signed_in = attrs.evolve(visitor, sign_in_id=principal.sign_in_id)
        outcome = await self.password(known.user.email, password, known, signed_in)
        if isinstance(outcome, LoginRefusal):
            busy = outcome is LoginRefusal.BUSY
            return PasswordRefusal.BUSY if busy else PasswordRefusal.WRONG
        return outcome or known

    async def code(
        self, known: Credentials, code: str, visitor: Visitor
    ) -> LoginRefusal | Delayed | None:
        """Judge the code that an account takes beside its password; None where it is right."""
        if not known.second_factor:
            return None
        if not code.strip():
            return LoginRefusal.CODE_NEEDED
        # Strangers count as one: who tries codes knows the password.
        name = guesses.named(self.passwords.pepper, f"code {known.user.id}")
        attempt = Guess(name, "anywhere", self._device(known, visitor))
        wait = await self.database.transact(guesses.begin_guess, attempt)
        if wait > 0:
            return self._delayed(known, visitor, wait)
        good = await self.database.transact(
            second_factors.spend_code, known.user.id, self.totp, code
        )
        if not good:
            return LoginRefusal.WRONG_CODE
        await self.database.transact(guesses.forget_guesses, attempt)
        return None

    def _device(self, known: Credentials | None, visitor: Visitor) -> UUID | None:
        """The earlier sign-in that shows the visitor to be no stranger to this account."""
        if known is None:
            return None
        return visitor.sign_in_id or self.devices.known(visitor.device_token, known.user.id)

    def _delayed(self, known: Credentials | None, visitor: Visitor, wait: float) -> Delayed:
        log.warning(
            "too many guesses at an account",
            user=None if known is None else known.user.id,
            address=visitor.address,
            wait_seconds=round(wait),
        )
        return Delayed(wait)
