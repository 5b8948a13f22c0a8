"""What users change themselves, on every store: passwords, and signing out everywhere."""

from relayd.accounts.outcomes import LoginRefusal, PasswordRefusal, RefreshRefusal, SignedIn
from tests.accounts.contract import Store
from tests.accounts.world import EMAIL, PASSWORD, make_accounts, refreshed, registered

NEXT = "battery staple"


class OwnChangesContract:
    """Subclasses give a ``store`` fixture."""

    async def test_signing_out_everywhere(self, store: Store) -> None:
        """Every sign-in of the user ends, and nobody else's."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        second = await accounts.login(EMAIL, PASSWORD)
        other = await registered(accounts, "bob@example.com")
        assert isinstance(second, SignedIn)
        await accounts.logout_everywhere(first.principal)
        for signed_in in (first, second):
            assert await accounts.authenticate(signed_in.token) is None
            assert await accounts.refresh(signed_in.refresh_token) is RefreshRefusal.ENDED
        assert await accounts.authenticate(other.token) == other.principal

    async def test_changing_the_own_password(self, store: Store) -> None:
        """Every sign-in ends, a new one begins, and the old password is wrong from then on."""
        accounts = make_accounts(store.database)
        before = await registered(accounts)
        changed = await accounts.change_password(before.principal, PASSWORD, NEXT)
        assert isinstance(changed, SignedIn)
        assert await accounts.refresh(before.refresh_token) is RefreshRefusal.ENDED
        assert await accounts.authenticate(changed.token) == changed.principal
        await refreshed(accounts, changed.refresh_token)
        assert await accounts.login(EMAIL, PASSWORD) is LoginRefusal.WRONG
        assert isinstance(await accounts.login(EMAIL, NEXT), SignedIn)

    async def test_refused_changes(self, store: Store) -> None:
        """Without the present password, or with a new one that can't be, nothing changes."""
        accounts = make_accounts(store.database)
        signed_in = await registered(accounts)
        for present, new, refusal in [
            ("wrong horse", NEXT, PasswordRefusal.WRONG),
            ("x" * 5000, NEXT, PasswordRefusal.WRONG),
            (PASSWORD, "short", PasswordRefusal.INVALID_PASSWORD),
        ]:
            outcome = await accounts.change_password(signed_in.principal, present, new)
            assert outcome is refusal
        assert await accounts.authenticate(signed_in.token) == signed_in.principal
        assert isinstance(await accounts.login(EMAIL, PASSWORD), SignedIn)

    async def test_change_of_a_disabled_user(self, store: Store) -> None:
        """Who was disabled meanwhile changes nothing and is not signed in again."""
        accounts = make_accounts(store.database)
        signed_in = await registered(accounts)
        await accounts.disable(EMAIL)
        outcome = await accounts.change_password(signed_in.principal, PASSWORD, NEXT)
        assert outcome is PasswordRefusal.OVERTAKEN
        assert await accounts.login(EMAIL, PASSWORD) is LoginRefusal.DISABLED
