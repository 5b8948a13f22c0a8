"""A second factor from its beginning to its end, on every store."""

import attrs
import pyotp

from relayd.accounts.accounts import Accounts
from relayd.accounts.outcomes import (
    Delayed,
    FactorRefusal,
    LoginRefusal,
    PasswordRefusal,
    SignedIn,
)
from relayd.accounts.second_factor import Enrolment
from relayd.accounts.sign_ins.devices import STRANGER, Visitor
from relayd.identity import Principal
from relayd.mail.letters import Kind
from tests.accounts.letters import MailStore
from tests.accounts.world import EMAIL, PASSWORD, make_accounts, registered


@attrs.define(eq=False)
class Phone:
    """An authenticator app, and the time as both sides have it."""

    now: float = 1_800_000_000.0
    secret: str = ""

    def code(self, steps: int = 0) -> str:
        """What it shows now, or so many steps away."""
        return pyotp.TOTP(self.secret).at(int(self.now) + 30 * steps)

    def wrong_code(self) -> str:
        """One that it shows neither now nor soon."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(f"{one:06}" for one in range(10) if f"{one:06}" not in near)


class FactorsContract:
    """Subclasses give a ``store`` fixture."""

    async def test_setting_it_up(self, store: MailStore) -> None:
        """It is asked for once a first code was seen; codes are good once, recovery codes too."""
        accounts, phone = secured(store)
        owner = (await registered(accounts)).principal
        made = await accounts.second_factor.enrol(owner, PASSWORD, "Ada's Minutes", STRANGER)
        assert isinstance(made, Enrolment)
        parsed = pyotp.parse_uri(made.uri)
        assert (parsed.secret, parsed.name, parsed.issuer) == (made.secret, EMAIL, "Ada's Minutes")
        assert made.qr.startswith("<svg")
        assert isinstance(await accounts.login(EMAIL, PASSWORD), SignedIn)
        phone.secret = made.secret
        wrong = await accounts.second_factor.confirm(owner, phone.wrong_code())
        assert wrong is FactorRefusal.WRONG_CODE
        codes = await accounts.second_factor.confirm(owner, phone.code())
        assert isinstance(codes, tuple)
        assert len(set(codes)) == 10
        assert await accounts.login(EMAIL, PASSWORD) is LoginRefusal.CODE_NEEDED
        assert (await store.letters())[-1].kind is Kind.SECOND_FACTOR_ON
        for code in (codes[0], f" {codes[1].upper()} "):
            assert isinstance(await sign_in(accounts, code), SignedIn)
            assert await sign_in(accounts, code) is LoginRefusal.WRONG_CODE

    async def test_codes_are_good_once(self, store: MailStore) -> None:
        """The one that confirmed isn't good again, nor one that is older than the last."""
        accounts, phone = secured(store)
        await switched_on(accounts, phone)
        assert await sign_in(accounts, phone.code()) is LoginRefusal.WRONG_CODE
        assert await sign_in(accounts, phone.code(-1)) is LoginRefusal.WRONG_CODE
        phone.now += 60
        spaced = f"{phone.code()[:3]} {phone.code()[3:]}"
        assert isinstance(await sign_in(accounts, spaced), SignedIn)
        assert await sign_in(accounts, phone.code()) is LoginRefusal.WRONG_CODE
        # A phone whose clock is half a minute ahead.
        assert isinstance(await sign_in(accounts, phone.code(1)), SignedIn)
        assert await sign_in(accounts, phone.code(2)) is LoginRefusal.WRONG_CODE

    async def test_codes_are_guessed_slowly(self, store: MailStore) -> None:
        """Strangers count together, wherever they are; a known browser counts for itself."""
        accounts, phone = secured(store)
        owner = await switched_on(accounts, phone)
        for number in range(4):
            stranger = Visitor(block=f"192.0.2.{number}")
            assert await sign_in(accounts, phone.wrong_code(), stranger) is LoginRefusal.WRONG_CODE
        phone.now += 60
        late = await sign_in(accounts, phone.code(), Visitor(block="198.51.100.1"))
        assert isinstance(late, Delayed)
        known = Visitor(device_token=owner.device_token)
        assert isinstance(await sign_in(accounts, phone.code(), known), SignedIn)

    async def test_a_code_without_the_password(self, store: MailStore) -> None:
        """It is not looked at, and whether one is needed is not said."""
        accounts, phone = secured(store)
        await switched_on(accounts, phone)
        outcome = await accounts.login(EMAIL, "wrong horse", code=phone.code(1))
        assert outcome is LoginRefusal.WRONG
        assert isinstance(await sign_in(accounts, phone.code(1)), SignedIn)

    async def test_setting_it_up_twice(self, store: MailStore) -> None:
        """A secret that was never confirmed is replaced, one that is in use is not."""
        accounts, phone = secured(store)
        owner = (await registered(accounts)).principal
        first = await accounts.second_factor.enrol(owner, PASSWORD, "x", STRANGER)
        second = await accounts.second_factor.enrol(owner, PASSWORD, "x", STRANGER)
        assert isinstance(first, Enrolment)
        assert isinstance(second, Enrolment)
        phone.secret = first.secret
        refused = await accounts.second_factor.confirm(owner, phone.code())
        assert refused is FactorRefusal.WRONG_CODE
        phone.secret = second.secret
        assert isinstance(await accounts.second_factor.confirm(owner, phone.code()), tuple)
        again = await accounts.second_factor.enrol(owner, PASSWORD, "x", STRANGER)
        assert again is FactorRefusal.UNCHANGED
        assert await accounts.second_factor.confirm(owner, "1") is FactorRefusal.UNCHANGED
        wrong = await accounts.second_factor.enrol(owner, "wrong horse", "x", STRANGER)
        assert wrong is PasswordRefusal.WRONG

    async def test_switching_it_off(self, store: MailStore) -> None:
        """It takes the password and a code; afterwards the password is enough."""
        accounts, phone = secured(store)
        owner = (await switched_on(accounts, phone)).principal
        phone.now += 60
        assert await end(accounts, owner, "wrong horse", phone.code()) is PasswordRefusal.WRONG
        wrong = await end(accounts, owner, PASSWORD, phone.wrong_code())
        assert wrong is FactorRefusal.WRONG_CODE
        assert await end(accounts, owner, PASSWORD, "") is FactorRefusal.WRONG_CODE
        assert await end(accounts, owner, PASSWORD, phone.code()) is None
        assert isinstance(await accounts.login(EMAIL, PASSWORD), SignedIn)
        unchanged = await end(accounts, owner, PASSWORD, phone.code())
        assert unchanged is FactorRefusal.UNCHANGED
        kinds = [one.kind for one in await store.letters()]
        assert Kind.SECOND_FACTOR_OFF in kinds

    async def test_one_that_is_required(self, store: MailStore) -> None:
        """Its user can't switch it off; the operator can, and can let the user."""
        accounts, phone = secured(store)
        owner = (await switched_on(accounts, phone)).principal
        await accounts.second_factor.require(owner.user_id, required=True)
        phone.now += 60
        refused = await end(accounts, owner, PASSWORD, phone.code())
        assert refused is FactorRefusal.REQUIRED
        state = await accounts.second_factor.state(owner.user_id)
        assert state is not None
        assert (state.on, state.required, state.recovery_codes) == (True, True, 10)
        assert await accounts.second_factor.reset(owner.user_id)
        assert not await accounts.second_factor.reset(owner.user_id)
        assert isinstance(await accounts.login(EMAIL, PASSWORD), SignedIn)

    async def test_a_new_password_leaves_it(self, store: MailStore) -> None:
        """Whoever reads somebody's mail gets a new password, and no further."""
        accounts, phone = secured(store)
        await switched_on(accounts, phone)
        assert accounts.addresses is not None
        await accounts.addresses.ask_for_reset(EMAIL)
        (letter,) = [one for one in await store.letters() if one.kind is Kind.RESET_PASSWORD]
        await accounts.addresses.reset_password(letter.token, "battery staple")
        assert await accounts.login(EMAIL, "battery staple") is LoginRefusal.CODE_NEEDED

    async def test_it_goes_with_the_account(self, store: MailStore) -> None:
        """Nothing of it is left for whoever registers the address anew."""
        accounts, phone = secured(store)
        owner = (await switched_on(accounts, phone)).principal
        await accounts.delete_own(owner, PASSWORD)
        await registered(accounts)
        assert isinstance(await accounts.login(EMAIL, PASSWORD), SignedIn)


def secured(store: MailStore) -> tuple[Accounts, Phone]:
    """Accounts that have a phone's time."""
    accounts, phone = make_accounts(store.database, mail=True), Phone()
    totp = attrs.evolve(accounts.proving.totp, now=lambda: phone.now)
    return attrs.evolve(accounts, proving=attrs.evolve(accounts.proving, totp=totp)), phone


async def switched_on(accounts: Accounts, phone: Phone) -> SignedIn:
    """A fresh account whose sign-in takes a code of this phone."""
    owner = await registered(accounts)
    made = await accounts.second_factor.enrol(owner.principal, PASSWORD, "x", STRANGER)
    assert isinstance(made, Enrolment)
    phone.secret = made.secret
    codes = await accounts.second_factor.confirm(owner.principal, phone.code())
    assert isinstance(codes, tuple)
    return owner


async def sign_in(
    accounts: Accounts, code: str, visitor: Visitor = STRANGER
) -> SignedIn | LoginRefusal | Delayed:
    """With the right password."""
    return await accounts.login(EMAIL, PASSWORD, visitor=visitor, code=code)


async def end(
    accounts: Accounts, owner: Principal, password: str, code: str
) -> FactorRefusal | PasswordRefusal | Delayed | None:
    """Ask to switch it off."""
    return await accounts.second_factor.end(owner, password, code, STRANGER)
