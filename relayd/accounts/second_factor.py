"""The second factor of an account, as its owner and the operator manage it."""

import functools
import io
import secrets
from collections.abc import Callable
from uuid import UUID

import attrs
import segno

from relayd.accounts.addresses import Addresses, moment
from relayd.accounts.outcomes import (
    Credentials,
    Delayed,
    FactorRefusal,
    PasswordRefusal,
)
from relayd.accounts.proving import second_factors
from relayd.accounts.proving.proving import Proving
from relayd.accounts.proving.second_factors import Confirmation, FactorState
from relayd.accounts.proving.totp import SEED_BYTES
from relayd.accounts.sign_ins.devices import Visitor
from relayd.database.ports import Connection, Database
from relayd.identity import Principal
from relayd.mail.letters import Kind, Letter

__all__ = ["Enrolment", "SecondFactor"]


@attrs.frozen
class Enrolment:
    """What an authenticator app is told. ``qr`` is a picture of ``uri``, in SVG."""

    secret: str = attrs.field(repr=False)
    uri: str = attrs.field(repr=False)
    qr: str = attrs.field(repr=False)


@attrs.frozen
class SecondFactor:
    """Setting it up, and switching it off. Expected outcomes are values."""

    database: Database
    proving: Proving
    addresses: Addresses | None = None

    async def state(self, user_id: UUID) -> FactorState | None:
        """How it stands with an account; None for an unknown one."""
        return await self.database.transact(second_factors.find_factor, user_id)

    async def enrol(
        self, principal: Principal, password: str, issuer: str, visitor: Visitor
    ) -> Enrolment | FactorRefusal | PasswordRefusal | Delayed:
        """Make a secret for an app; it counts once a code of it was seen."""
        known = await self.proving.own_account(principal, password, visitor)
        if not isinstance(known, Credentials):
            return known
        seed = secrets.token_bytes(SEED_BYTES)
        if not await self.database.transact(second_factors.begin_factor, principal.user_id, seed):
            return FactorRefusal.UNCHANGED
        uri = self.proving.totp.uri(seed, known.user.email, issuer)
        return Enrolment(self.proving.totp.secret(seed), uri, _picture(uri))

    async def confirm(self, principal: Principal, code: str) -> tuple[str, ...] | FactorRefusal:
        """Show that the app has the secret; the recovery codes, told this once."""
        codes = self.proving.totp.recovery_codes()
        hashes = [self.proving.totp.recovery_hash(principal.user_id, one) for one in codes]
        letter = self._letter(Kind.SECOND_FACTOR_ON)
        refusal = await self.database.transact(
            second_factors.confirm_factor,
            principal.user_id,
            Confirmation(self.proving.totp, code, hashes, letter),
        )
        return codes if refusal is None else refusal

    async def end(
        self, principal: Principal, password: str, code: str, visitor: Visitor
    ) -> FactorRefusal | PasswordRefusal | Delayed | None:
        """Switch it off, with the password and a code; None where that was done."""
        known = await self.proving.own_account(principal, password, visitor)
        if not isinstance(known, Credentials):
            return known
        state = await self.state(principal.user_id)
        if state is None:
            return PasswordRefusal.OVERTAKEN
        if not state.on or state.required:
            return FactorRefusal.REQUIRED if state.on else FactorRefusal.UNCHANGED
        wrong = await self.proving.code(known, code, visitor)
        if wrong is not None:
            return wrong if isinstance(wrong, Delayed) else FactorRefusal.WRONG_CODE
        letter = self._letter(Kind.SECOND_FACTOR_OFF)
        await self.database.transact(second_factors.end_factor, principal.user_id, letter)
        return None

    # The operator's side.

    async def reset(self, user_id: UUID) -> bool:
        """Switch it off for a user who lost app and codes; False where it was off."""
        letter = self._letter(Kind.SECOND_FACTOR_OFF)
        return await self.database.transact(second_factors.end_factor, user_id, letter)

    def resetting(self) -> Callable[[Connection, UUID], bool]:
        """The same as a transaction, for an operator's: who does that leaves a trail."""
        letter = self._letter(Kind.SECOND_FACTOR_OFF)
        return functools.partial(second_factors.end_factor, letter=letter)

    async def require(self, user_id: UUID, *, required: bool) -> None:
        """Whether a user must have one, and may not switch it off."""
        await self.database.transact(second_factors.require_factor, user_id, required)

    def _letter(self, kind: Kind) -> Letter | None:
        if self.addresses is None:
            return None
        return self.addresses.letters.new(kind, when=moment())


def _picture(uri: str) -> str:
    drawn = io.BytesIO()
    code = segno.make(uri, error="m", micro=False)
    code.save(drawn, kind="svg", scale=4, border=4, xmldecl=False, nl=False)
    return drawn.getvalue().decode()
