"""Renewing a sign-in, on every store: one line of tokens, however it is asked for, and its end."""

import trio

from relayd.accounts.outcomes import RefreshRefusal, SignedIn
from relayd.accounts.sign_ins.lifetimes import Keeper
from tests.accounts.contract import Store, both
from tests.accounts.world import (
    DAY,
    EMAIL,
    LIFETIMES,
    PASSWORD,
    make_accounts,
    refreshed,
    registered,
)

IDLE_DAYS = LIFETIMES.app.idle_seconds // DAY
WHOLE_DAYS = LIFETIMES.app.whole_seconds // DAY


class RenewalsContract:
    """Subclasses give a ``store`` fixture."""

    async def test_refresh_rotates(self, store: Store) -> None:
        """A renewal gives new tokens of the same family."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        second = await refreshed(accounts, first.refresh_token)
        third = await refreshed(accounts, second.refresh_token)
        assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
        assert first.principal == second.principal == third.principal

    async def test_reuse_within_the_grace(self, store: Store) -> None:
        """A client whose reply was lost gets the same next token once more, not another one."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        lost = await refreshed(accounts, first.refresh_token)
        await store.age(9)
        again = await refreshed(accounts, first.refresh_token)
        assert again.refresh_token == lost.refresh_token != first.refresh_token
        await refreshed(accounts, again.refresh_token)

    async def test_a_stolen_token(self, store: Store) -> None:
        """Used by a thief and soon after by its owner, it ends the sign-in of both."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        thief = await refreshed(accounts, first.refresh_token)
        await store.age(8)
        owner = await refreshed(accounts, first.refresh_token)
        await store.age(DAY)
        thief = await refreshed(accounts, thief.refresh_token)
        await store.age(DAY)
        assert await accounts.refresh(owner.refresh_token) is RefreshRefusal.REUSED
        assert await accounts.refresh(thief.refresh_token) is RefreshRefusal.ENDED
        for signed_in in (owner, thief):
            assert await accounts.authenticate(signed_in.token) is None

    async def test_reuse_past_the_grace(self, store: Store) -> None:
        """A spent token that comes back late ends its whole family."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        second = await refreshed(accounts, first.refresh_token)
        await store.age(11)
        assert await accounts.refresh(first.refresh_token) is RefreshRefusal.REUSED
        assert await accounts.refresh(second.refresh_token) is RefreshRefusal.ENDED
        assert await accounts.authenticate(second.token) is None

    async def test_the_grace_counts_from_the_first_use(self, store: Store) -> None:
        """Repeating a refresh does not lengthen its grace."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        for _ in range(2):
            await refreshed(accounts, first.refresh_token)
            await store.age(6)
        assert await accounts.refresh(first.refresh_token) is RefreshRefusal.REUSED

    async def test_two_refreshes_at_once(self, store: Store) -> None:
        """Both of two simultaneous refreshes are answered, with the same next token."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        pairs = await both(lambda: accounts.refresh(first.refresh_token))
        tokens = [pair.refresh_token for pair in pairs if isinstance(pair, SignedIn)]
        assert len(tokens) == 2
        assert len(set(tokens)) == 1
        await refreshed(accounts, tokens[0])

    async def test_refresh_against_logout(self, store: Store) -> None:
        """Whatever a refresh racing a logout is answered, the family is ended afterwards."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        pairs: list[SignedIn | RefreshRefusal] = []

        async def refresh() -> None:
            pairs.append(await accounts.refresh(first.refresh_token))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(refresh)
            nursery.start_soon(accounts.logout, first.principal)
        assert await accounts.refresh(first.refresh_token) is RefreshRefusal.ENDED
        for pair in pairs:
            if isinstance(pair, SignedIn):
                assert await accounts.refresh(pair.refresh_token) is RefreshRefusal.ENDED

    async def test_unknown_refresh_tokens(self, store: Store) -> None:
        """What was never issued is refused and ends nothing."""
        accounts = make_accounts(store.database)
        signed_in = await registered(accounts)
        for presented in ["", "x" * 43, "é" * 43, "x" * 10_000, "\0" * 43]:
            assert await accounts.refresh(presented) is RefreshRefusal.UNKNOWN
            await accounts.logout_by_token(presented)
        assert await accounts.authenticate(signed_in.token) is not None

    async def test_expiry(self, store: Store) -> None:
        """An unused sign-in runs out after its days; a renewed one does not."""
        accounts = make_accounts(store.database)
        idle = await registered(accounts)
        used = await accounts.login(EMAIL, PASSWORD)
        assert isinstance(used, SignedIn)
        await store.age((IDLE_DAYS - 1) * DAY)
        used = await refreshed(accounts, used.refresh_token)
        await store.age(2 * DAY)
        assert await accounts.refresh(idle.refresh_token) is RefreshRefusal.EXPIRED
        await refreshed(accounts, used.refresh_token)

    async def test_the_whole_age(self, store: Store) -> None:
        """A sign-in that is renewed all the time ends all the same, and its tokens with it."""
        accounts = make_accounts(store.database)
        pair = await registered(accounts)
        for _ in range(WHOLE_DAYS // 20 - 1):
            await store.age(20 * DAY)
            pair = await refreshed(accounts, pair.refresh_token)
        await store.age(17 * DAY)
        last = await refreshed(accounts, pair.refresh_token)
        assert 2 * DAY < last.expires_seconds <= 3 * DAY
        assert last.refresh_expires_seconds == last.expires_seconds
        await store.age(3 * DAY)
        assert await accounts.refresh(last.refresh_token) is RefreshRefusal.EXPIRED

    async def test_by_an_access_token(self, store: Store) -> None:
        """An access token that is still good is traded for the next pair of its sign-in."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        second = await accounts.refresh_by_access(first.token)
        assert isinstance(second, SignedIn)
        assert second.principal == first.principal
        assert await accounts.authenticate(first.token) == first.principal
        third = await refreshed(accounts, second.refresh_token)
        assert isinstance(await accounts.refresh_by_access(third.token), SignedIn)

    async def test_an_access_token_counts_as_its_refresh_token(self, store: Store) -> None:
        """Either may be used, and once: the other one, late, is a sign of theft."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        by_access = await accounts.refresh_by_access(first.token)
        assert isinstance(by_access, SignedIn)
        same = await refreshed(accounts, first.refresh_token)
        assert same.refresh_token == by_access.refresh_token
        await store.age(11)
        assert await accounts.refresh_by_access(first.token) is RefreshRefusal.REUSED
        assert await accounts.authenticate(by_access.token) is None

    async def test_an_access_token_of_an_ended_sign_in(self, store: Store) -> None:
        """However long it would be good for, it is traded for nothing."""
        accounts = make_accounts(store.database)
        first = await registered(accounts)
        await accounts.logout(first.principal)
        assert await accounts.refresh_by_access(first.token) is RefreshRefusal.ENDED
        assert await accounts.refresh_by_access("nonsense") is RefreshRefusal.UNKNOWN

    async def test_keepers_stay_apart(self, store: Store) -> None:
        """What a browser keeps is no good for an app, nor the other way round, and nothing ends."""
        accounts = make_accounts(store.database)
        app = await registered(accounts)
        page = await accounts.login(EMAIL, PASSWORD, Keeper.BROWSER)
        assert isinstance(page, SignedIn)
        assert await accounts.refresh(page.refresh_token) is RefreshRefusal.MISPLACED
        assert await accounts.refresh_by_access(page.token) is RefreshRefusal.MISPLACED
        refused = await accounts.refresh(app.refresh_token, Keeper.BROWSER)
        assert refused is RefreshRefusal.MISPLACED
        await refreshed(accounts, app.refresh_token)
        assert isinstance(await accounts.refresh(page.refresh_token, Keeper.BROWSER), SignedIn)

    async def test_lifetimes(self, store: Store) -> None:
        """An app's access token is good for long, a page's for a quarter of an hour."""
        accounts = make_accounts(store.database)
        app = await registered(accounts)
        page = await accounts.login(EMAIL, PASSWORD, Keeper.BROWSER)
        assert isinstance(page, SignedIn)
        assert (app.expires_seconds, page.expires_seconds) == (7 * DAY, 900)
        renewed = await accounts.refresh(page.refresh_token, Keeper.BROWSER)
        assert isinstance(renewed, SignedIn)
        assert renewed.expires_seconds == 900
