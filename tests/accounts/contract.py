"""What holds for `Accounts` on every store: one set of tests, run in memory and on PostgreSQL."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar
from uuid import UUID

import trio

from relayd.accounts.outcomes import (
    ChangeRefusal,
    LoginRefusal,
    RefreshRefusal,
    RegisterRefusal,
    SignedIn,
    User,
)
from relayd.database.ports import Database
from relayd.identity import Principal
from tests.accounts.world import (
    DAY,
    EMAIL,
    PASSWORD,
    make_accounts,
    refreshed,
    registered,
)

T = TypeVar("T")


class Store(Protocol):
    """A store and a way to let its time pass."""

    @property
    def database(self) -> Database:
        """Where the accounts are."""

    async def age(self, seconds: float) -> None:
        """Let time pass."""


class AccountsContract:
    """Subclasses give a ``store`` fixture."""

    async def test_registering_signs_in(self, store: Store) -> None:
        """A new account gets a pair of tokens, and the access token names it."""
        accounts = make_accounts(store.database)
        signed_in = await registered(accounts)
        assert signed_in.user.email == EMAIL
        assert await accounts.authenticate(signed_in.token) == signed_in.principal
        user = await accounts.me(signed_in.principal)
        assert user == signed_in.user

    async def test_spellings_are_one_address(self, store: Store) -> None:
        """An address is taken, found and logged in to however it is spelled."""
        accounts = make_accounts(store.database)
        signed_in = await registered(accounts)
        taken = await accounts.register(" ADA@Example.COM ", PASSWORD)
        assert taken is RegisterRefusal.EMAIL_TAKEN
        assert isinstance(await accounts.login("Ada@EXAMPLE.com", PASSWORD), SignedIn)
        assert await accounts.find("ADA@example.com") == signed_in.user

    async def test_two_registrations_at_once(self, store: Store) -> None:
        """Of two registrations of one address exactly one succeeds."""
        accounts = make_accounts(store.database)
        outcomes = await both(lambda: accounts.register(EMAIL, PASSWORD))
        assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
        assert RegisterRefusal.EMAIL_TAKEN in outcomes

    async def test_login_refusals(self, store: Store) -> None:
        """A wrong password and an unknown or impossible address are refused alike."""
        accounts = make_accounts(store.database)
        await registered(accounts)
        for email, password in [
            (EMAIL, "wrong horse"),
            ("bob@example.com", PASSWORD),
            ("no address", PASSWORD),
            (EMAIL, "x" * 5000),
        ]:
            assert await accounts.login(email, password) is LoginRefusal.WRONG

    async def test_every_login_is_its_own_family(self, store: Store) -> None:
        """Ending one sign-in leaves the others."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        second = await accounts.login(EMAIL, PASSWORD)
        assert isinstance(second, SignedIn)
        await accounts.logout(first.principal)
        assert await accounts.authenticate(first.token) is None
        assert await accounts.authenticate(second.token) == second.principal

    async def test_logout_by_either_token(self, store: Store) -> None:
        """A spent refresh token ends its family too, and ending twice is no error."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        second = await refreshed(accounts, first.refresh_token)
        for _ in range(2):
            await accounts.logout_by_token(first.refresh_token)
            await accounts.logout(first.principal)
        assert await accounts.refresh(second.refresh_token) is RefreshRefusal.ENDED

    async def test_logout_of_nothing(self, store: Store) -> None:
        """Ending a sign-in that never was is no error."""
        accounts = make_accounts(store.database)
        await accounts.logout(Principal.signed_in(UUID(int=1), UUID(int=2)))
        await accounts.logout(Principal(UUID(int=1)))

    async def test_disabled_user(self, store: Store) -> None:
        """Disabling ends every sign-in; the reason is told only with the right password."""
        accounts = make_accounts(store.database)
        signed_in = await registered(accounts)
        disabled = await accounts.disable(EMAIL.upper())
        assert isinstance(disabled, User)
        assert disabled.disabled_at is not None
        assert await accounts.authenticate(signed_in.token) is None
        assert await accounts.refresh(signed_in.refresh_token) is RefreshRefusal.ENDED
        assert await accounts.login(EMAIL, PASSWORD) is LoginRefusal.DISABLED
        assert await accounts.login(EMAIL, "wrong horse") is LoginRefusal.WRONG
        # Twice changes nothing.
        assert await accounts.disable(EMAIL) == disabled

    async def test_enabled_again(self, store: Store) -> None:
        """Enabling lets a user log in, and brings no old sign-in back."""
        accounts = make_accounts(store.database)
        signed_in = await registered(accounts)
        await accounts.disable(EMAIL)
        enabled = await accounts.enable(EMAIL)
        assert isinstance(enabled, User)
        assert enabled.disabled_at is None
        assert await accounts.authenticate(signed_in.token) is None
        assert isinstance(await accounts.login(EMAIL, PASSWORD), SignedIn)

    async def test_new_password(self, store: Store) -> None:
        """A changed password ends every sign-in, and the old one is wrong from then on."""
        accounts = make_accounts(store.database)
        signed_in = await registered(accounts)
        assert isinstance(await accounts.set_password(EMAIL, "another horse"), User)
        assert await accounts.refresh(signed_in.refresh_token) is RefreshRefusal.ENDED
        assert await accounts.login(EMAIL, PASSWORD) is LoginRefusal.WRONG
        assert isinstance(await accounts.login(EMAIL, "another horse"), SignedIn)

    async def test_operator_refusals(self, store: Store) -> None:
        """Changes to nobody, and accounts that can't be, are refused by value."""
        accounts = make_accounts(store.database)
        nobody = "nobody@example.com"
        for outcome in [
            await accounts.disable(nobody),
            await accounts.enable("no address"),
            await accounts.set_password(nobody, PASSWORD),
        ]:
            assert outcome is ChangeRefusal.UNKNOWN_USER
        assert await accounts.set_password(nobody, "short") is ChangeRefusal.INVALID_PASSWORD
        assert await accounts.add("no address", PASSWORD) is RegisterRefusal.INVALID_EMAIL
        assert await accounts.add(EMAIL, "short") is RegisterRefusal.INVALID_PASSWORD
        assert await accounts.find(nobody) is None

    async def test_list(self, store: Store) -> None:
        """Accounts are listed by address, page after page."""
        accounts = make_accounts(store.database)
        for email in ["c@example.com", "a@example.com", "b@example.com"]:
            assert isinstance(await accounts.add(email, PASSWORD), User)
        assert await accounts.add("a@example.com", PASSWORD) is RegisterRefusal.EMAIL_TAKEN
        first = await accounts.list(limit=2)
        assert [user.email[0] for user in first] == ["a", "b"]
        assert [user.email[0] for user in await accounts.list(after=first[-1].email)] == ["c"]

    async def test_prune(self, store: Store) -> None:
        """What ran out a week ago goes, what is in use stays, and a second pass finds nothing."""
        accounts = make_accounts(store.database)
        await registered(accounts)
        used = await accounts.login(EMAIL, PASSWORD)
        assert isinstance(used, SignedIn)
        assert await accounts.prune() == 0
        await store.age(25 * DAY)
        used = await refreshed(accounts, used.refresh_token)
        await store.age(15 * DAY)
        # Two first tokens and the one family that was never renewed.
        assert await accounts.prune() == 3
        assert await accounts.prune() == 0
        await refreshed(accounts, used.refresh_token)


async def both(ask: Callable[[], Awaitable[T]]) -> list[T]:
    """What comes of asking twice at the same time."""
    outcomes: list[T] = []

    async def one() -> None:
        outcomes.append(await ask())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one)
        nursery.start_soon(one)
    return outcomes
