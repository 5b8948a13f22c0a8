"""Addresses of accounts: proving them by mail, changing them, and a new password for who reads it.

All of it is there where mail is sent. Expected outcomes are values; only `DatabaseUnavailable` is
raised.
"""

import datetime as dt
from typing import Final

import attrs
import trio

from relayd import logs
from relayd.accounts.outcomes import (
    Credentials,
    Delayed,
    LinkRefusal,
    PasswordRefusal,
    ProofRefusal,
    User,
)
from relayd.accounts.proving.passwords import problem
from relayd.accounts.proving.proving import Proving
from relayd.accounts.sign_ins.devices import STRANGER, Visitor
from relayd.accounts.users import links
from relayd.accounts.users.emails import normalise
from relayd.accounts.users.gifts import Gift
from relayd.database.ports import Database
from relayd.identity import Principal
from relayd.mail.letters import Kind, Letters, token_hash
from relayd.quotas.limits import Quotas, Rate

__all__ = ["Addresses", "moment"]

log = logs.get(__name__)

# Letters that somebody may have sent to one address, or for one account.
_LETTERS_AN_HOUR: Final = 3
_HOUR_SECONDS: Final = 3600.0


@attrs.frozen
class Addresses:
    """Proof of addresses, changes of them, and new passwords by mail."""

    database: Database
    proving: Proving
    letters: Letters
    quotas: Quotas
    gift: Gift | None = None
    # Queueing a letter and finding nobody take some milliseconds each: nobody can tell them apart.
    alike_seconds: float = 0.25

    async def ask_for_proof(self, principal: Principal) -> User | ProofRefusal | float:
        """Send the link that proves one's address again; seconds to wait where that's too soon."""
        wait = await self._admit(f"proof {principal.user_id}")
        if wait > 0:
            return wait
        letter = self.letters.new(Kind.PROVE_ADDRESS)
        return await self.database.transact(links.ask_for_proof, principal.user_id, letter)

    async def ask_for_change(
        self, principal: Principal, email: str, password: str, visitor: Visitor = STRANGER
    ) -> ProofRefusal | PasswordRefusal | Delayed | float | None:
        """Send a link to the address that one's account is to have; None where it is on its way."""
        address = normalise(email)
        if address is None:
            return ProofRefusal.INVALID_EMAIL
        known = await self.proving.own_account(principal, password, visitor)
        if not isinstance(known, Credentials):
            return known
        wait = await self._admit(f"proof {principal.user_id}", f"reset {address}")
        if wait > 0:
            return wait
        letter = self.letters.new(Kind.CHANGE_ADDRESS)
        return await self.database.transact(
            links.ask_for_change, principal.user_id, address, letter
        )

    async def prove(self, token: str) -> User | LinkRefusal:
        """Use a link that was sent to an address: it is proven, and the user's where it is new."""
        presented = token_hash(token)
        if presented is None:
            return LinkRefusal.STALE
        letter = self.letters.new(Kind.ADDRESS_CHANGED, when=moment())
        outcome = await self.database.transact(links.prove, presented, self.gift, letter)
        if isinstance(outcome, User):
            log.info("address proven", user=outcome.id)
        return outcome

    async def ask_for_reset(self, email: str) -> float:
        """Send a link to a new password, where there is an account; seconds to wait if too soon.

        Whether there is one shows neither in the answer nor in the time that it takes.
        """
        answer_at = trio.current_time() + self.alike_seconds
        address = normalise(email)
        wait = 0.0 if address is None else await self._admit(f"reset {address}")
        if wait > 0:
            return wait
        if address is not None:
            letter = self.letters.new(Kind.RESET_PASSWORD)
            user_id = await self.database.transact(links.ask_for_reset, address, letter)
            if user_id is not None:
                log.info("new password asked for", user=user_id)
        await trio.sleep_until(answer_at)
        return 0.0

    async def reset_password(self, token: str, password: str) -> User | LinkRefusal:
        """Choose a new password by a link: every sign-in ends, and no other link is good."""
        presented = token_hash(token)
        if presented is None:
            return LinkRefusal.STALE
        owner = await self.database.transact(links.owner_of_reset, presented)
        if owner is None:
            return LinkRefusal.STALE
        if problem(password, owner.email) is not None:
            return LinkRefusal.INVALID_PASSWORD
        hashed = await self.proving.passwords.hash(password)
        if hashed is None:
            return LinkRefusal.BUSY
        letter = self.letters.new(Kind.PASSWORD_CHANGED, when=moment())
        user = await self.database.transact(links.reset_password, presented, hashed, letter)
        if user is None:
            return LinkRefusal.STALE
        log.info("password reset", user=user.id)
        return user

    async def _admit(self, *keys: str) -> float:
        rates = [Rate(key, _LETTERS_AN_HOUR, _HOUR_SECONDS) for key in keys]
        return await self.quotas.admit(rates)


def moment() -> str:
    """Now, as letters have it."""
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
