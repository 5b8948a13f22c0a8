"""Who guesses at an account waits ever longer, and its owner doesn't: on every store."""

import attrs

from relayd.accounts.accounts import Accounts
from relayd.accounts.outcomes import (
    ChangeRefusal,
    Delayed,
    LoginRefusal,
    PasswordRefusal,
    SignedIn,
    User,
)
from relayd.accounts.sign_ins.devices import Visitor
from tests.accounts.contract import Store
from tests.accounts.world import DAY, EMAIL, PASSWORD, make_accounts, registered

THIEF = Visitor("203.0.113.7", "203.0.113.7")
HOME = Visitor("198.51.100.1", "198.51.100.1")
WRONG = "wrong horse"


class GuessingContract:
    """Subclasses give a ``store`` fixture."""

    async def test_the_wait_grows(self, store: Store) -> None:
        """Four slips cost nothing; each further one doubles the wait, up to fifteen minutes."""
        accounts = make_accounts(store.database)
        await registered(accounts)
        for _ in range(4):
            assert await guess(accounts, THIEF) is LoginRefusal.WRONG
        for wait in (15, 30, 60, 120, 240, 480, 900, 900):
            early = await guess(accounts, THIEF)
            assert isinstance(early, Delayed)
            assert wait - 2 < early.seconds <= wait
            await store.age(wait)
            assert await guess(accounts, THIEF) is LoginRefusal.WRONG

    async def test_the_right_password_waits_too(self, store: Store) -> None:
        """Else the wait would tell that it is right; afterwards the origin begins anew."""
        accounts = make_accounts(store.database)
        await registered(accounts)
        for _ in range(4):
            await guess(accounts, THIEF)
        assert isinstance(await guess(accounts, THIEF, PASSWORD), Delayed)
        await store.age(15)
        assert isinstance(await guess(accounts, THIEF, PASSWORD), SignedIn)
        for _ in range(4):
            assert await guess(accounts, THIEF) is LoginRefusal.WRONG

    async def test_nobody_learns_who_has_an_account(self, store: Store) -> None:
        """An address that nobody has waits as one that somebody has, however it is spelled."""
        accounts = make_accounts(store.database)
        for email in ("nobody@example.com", "no address"):
            for _ in range(4):
                assert await guess(accounts, THIEF, email=email) is LoginRefusal.WRONG
            assert isinstance(
                await guess(accounts, THIEF, email=f" {email.upper()} "), Delayed
            ) is ("@" in email)

    async def test_others_do_not_wait(self, store: Store) -> None:
        """Neither other accounts nor other addresses, as long as few guess."""
        accounts = make_accounts(store.database)
        await registered(accounts)
        await registered(accounts, "bob@example.com")
        for _ in range(5):
            await guess(accounts, THIEF)
        assert isinstance(await guess(accounts, THIEF, PASSWORD, "bob@example.com"), SignedIn)
        assert isinstance(await guess(accounts, HOME, PASSWORD), SignedIn)

    async def test_an_attack_from_many_addresses(self, store: Store) -> None:
        """Each has one guess before it waits; from a hundred on they wait for each other."""
        accounts = make_accounts(store.database)
        owner = await registered(accounts)
        for number in range(100):
            stranger = Visitor(block=f"192.0.2.{number}")
            assert await guess(accounts, stranger) is LoginRefusal.WRONG
            if number >= 10:
                assert isinstance(await guess(accounts, stranger), Delayed)
        late = await guess(accounts, HOME, PASSWORD)
        assert isinstance(late, Delayed)
        assert late.seconds <= 1
        # The owner's browser is no stranger, and nobody's guesses concern it.
        known = attrs.evolve(HOME, device_token=owner.device_token)
        for _ in range(3):
            assert isinstance(await guess(accounts, known, PASSWORD), SignedIn)
        await store.age(1)
        assert isinstance(await guess(accounts, HOME, PASSWORD), SignedIn)

    async def test_a_stolen_device_token(self, store: Store) -> None:
        """It guesses no faster than anybody, and only at its own account."""
        accounts = make_accounts(store.database)
        owner = await registered(accounts)
        await registered(accounts, "bob@example.com")
        known = attrs.evolve(THIEF, device_token=owner.device_token)
        for _ in range(4):
            assert await guess(accounts, known) is LoginRefusal.WRONG
        assert isinstance(await guess(accounts, known), Delayed)
        assert isinstance(await guess(accounts, THIEF, PASSWORD), SignedIn)
        for _ in range(4):
            assert await guess(accounts, known, email="bob@example.com") is LoginRefusal.WRONG
        assert isinstance(await guess(accounts, THIEF, email="bob@example.com"), Delayed)

    async def test_a_stolen_sign_in_guesses_no_password(self, store: Store) -> None:
        """What asks for one's own password waits too, for this sign-in alone."""
        accounts = make_accounts(store.database)
        stolen = (await registered(accounts)).principal
        for _ in range(4):
            assert await accounts.delete_own(stolen, WRONG) is PasswordRefusal.WRONG
        assert isinstance(await accounts.delete_own(stolen, PASSWORD), Delayed)
        assert isinstance(await accounts.change_password(stolen, PASSWORD, "new horse"), Delayed)
        other = await guess(accounts, HOME, PASSWORD)
        assert isinstance(other, SignedIn)
        assert isinstance(await accounts.delete_own(other.principal, PASSWORD), User)

    async def test_guesses_are_forgotten(self, store: Store) -> None:
        """After a day without one nobody waits, and nothing is kept of it."""
        accounts = make_accounts(store.database)
        await registered(accounts)
        for _ in range(8):
            await guess(accounts, THIEF)
            await store.age(900)
        await store.age(DAY + 1)
        await accounts.prune()
        for _ in range(4):
            assert await guess(accounts, THIEF) is LoginRefusal.WRONG

    async def test_an_operator_is_not_counted(self, store: Store) -> None:
        """Changes from the command line ask for no password, and wait for nobody."""
        accounts = make_accounts(store.database)
        await registered(accounts)
        for _ in range(5):
            await guess(accounts, THIEF)
        assert isinstance(await accounts.set_password(EMAIL, "another horse"), User)
        assert await accounts.set_password(EMAIL, "short") is ChangeRefusal.INVALID_PASSWORD


async def guess(
    accounts: Accounts, visitor: Visitor, password: str = WRONG, email: str = EMAIL
) -> SignedIn | LoginRefusal | Delayed:
    """One attempt to sign in."""
    return await accounts.login(email, password, visitor=visitor)
