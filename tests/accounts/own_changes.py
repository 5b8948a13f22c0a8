"""What users change themselves, on every store: passwords, sign-ins, and their account's end."""

from relayd.accounts.outcomes import (
    ChangeRefusal,
    LoginRefusal,
    PasswordRefusal,
    RefreshRefusal,
    SignedIn,
    User,
)
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

    async def test_deleting_the_own_account(self, store: Store) -> None:
        """Every sign-in ends at once, and nobody can sign in with what was the account's."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        second = await accounts.login(EMAIL, PASSWORD)
        other = await registered(accounts, "bob@example.com")
        assert isinstance(second, SignedIn)
        nobody = await accounts.delete_own(first.principal, PASSWORD)
        assert isinstance(nobody, User)
        assert (nobody.id, nobody.email) == (first.user.id, f"deleted {first.user.id}")
        for signed_in in (first, second):
            assert await accounts.authenticate(signed_in.token) is None
            assert await accounts.refresh(signed_in.refresh_token) is RefreshRefusal.ENDED
        for address in (EMAIL, nobody.email):
            assert await accounts.login(address, PASSWORD) is LoginRefusal.WRONG
            assert await accounts.find(address) is None
            assert await accounts.enable(address) is ChangeRefusal.UNKNOWN_USER
        assert [user.email for user in await accounts.list()] == ["bob@example.com"]
        assert await accounts.authenticate(other.token) == other.principal

    async def test_registering_anew_after_a_deletion(self, store: Store) -> None:
        """The address is free, and what comes is another user; this one can be deleted too."""
        accounts = make_accounts(store.database)
        before = await registered(accounts)
        await accounts.delete_own(before.principal, PASSWORD)
        after = await registered(accounts)
        assert after.user.id != before.user.id
        assert isinstance(await accounts.delete_own(after.principal, PASSWORD), User)
        await registered(accounts)

    async def test_refused_deletions(self, store: Store) -> None:
        """A wrong password deletes nothing; who is disabled or deleted already is overtaken."""
        accounts = make_accounts(store.database)
        owner = (await registered(accounts)).principal
        for wrong in ("wrong horse", "x" * 5000):
            assert await accounts.delete_own(owner, wrong) is PasswordRefusal.WRONG
        assert isinstance(await accounts.login(EMAIL, PASSWORD), SignedIn)
        await accounts.disable(EMAIL)
        assert await accounts.delete_own(owner, PASSWORD) is PasswordRefusal.OVERTAKEN
        assert isinstance(await accounts.delete(EMAIL), User)
        assert await accounts.delete_own(owner, PASSWORD) is PasswordRefusal.OVERTAKEN
        changed = await accounts.change_password(owner, PASSWORD, NEXT)
        assert changed is PasswordRefusal.OVERTAKEN

    async def test_the_operator_deletes(self, store: Store) -> None:
        """However the address is spelled, and once: then there is nobody of it."""
        accounts = make_accounts(store.database)
        signed_in = await registered(accounts)
        assert isinstance(await accounts.delete(f" {EMAIL.upper()} "), User)
        assert await accounts.authenticate(signed_in.token) is None
        for nobody in (EMAIL, f"deleted {signed_in.user.id}", "nonsense"):
            assert await accounts.delete(nobody) is ChangeRefusal.UNKNOWN_USER
