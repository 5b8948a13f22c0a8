"""What mail does for accounts, on every store: proof of addresses, new passwords, notices."""

from typing import Protocol

import attrs

from relayd.accounts.accounts import Accounts
from relayd.accounts.addresses import Addresses
from relayd.accounts.outcomes import (
    LinkRefusal,
    LoginRefusal,
    PasswordRefusal,
    ProofRefusal,
    RefreshRefusal,
    SignedIn,
    User,
)
from relayd.accounts.sign_ins.devices import Visitor
from relayd.mail.letters import Kind
from tests.accounts.contract import Store
from tests.accounts.world import DAY, EMAIL, PASSWORD, make_accounts, refreshed, registered

NEXT = "battery staple"
NEW_EMAIL = "countess@example.org"
GIFT_MS = 60_000


@attrs.frozen
class Sent:
    """A letter in the queue, with what its link carries."""

    kind: Kind
    address: str
    token: str


class MailStore(Store, Protocol):
    """A store whose queue can be looked at."""

    async def letters(self) -> list[Sent]:
        """What waits, oldest first."""

    async def given_ms(self, user: User) -> int:
        """How much free credit a user was given."""


class LettersContract:
    """Subclasses give a ``store`` fixture."""

    async def test_a_new_account_is_asked_to_prove_its_address(self, store: MailStore) -> None:
        """Free credit comes with the proof, and a link works once."""
        accounts, addresses = mailing(store)
        user = (await registered(accounts)).user
        assert (user.email_proven_at, await store.given_ms(user)) == (None, 0)
        (letter,) = await store.letters()
        assert (letter.kind, letter.address) == (Kind.PROVE_ADDRESS, EMAIL)
        proven = await addresses.prove(letter.token)
        assert isinstance(proven, User)
        assert proven.email_proven_at is not None
        assert await store.given_ms(user) == GIFT_MS
        assert await addresses.prove(letter.token) is LinkRefusal.STALE
        assert await accounts.find(EMAIL) == proven

    async def test_free_credit_without_mail(self, store: MailStore) -> None:
        """Where no mail is sent it is there from the beginning, and nobody is written to."""
        accounts = make_accounts(store.database, free_ms=GIFT_MS)
        user = (await registered(accounts)).user
        assert await store.given_ms(user) == GIFT_MS
        assert await store.letters() == []

    async def test_free_credit_comes_once_for_an_address(self, store: MailStore) -> None:
        """Whoever deletes the account and registers anew gets no more of it."""
        accounts = make_accounts(store.database, free_ms=GIFT_MS)
        first = await registered(accounts)
        await accounts.delete_own(first.principal, PASSWORD)
        second = await registered(accounts)
        assert await store.given_ms(second.user) == 0

    async def test_links_run_out(self, store: MailStore) -> None:
        """A proof is good for three days, a new password for thirty minutes."""
        accounts, addresses = mailing(store)
        await registered(accounts)
        await addresses.ask_for_reset(EMAIL)
        proof, reset = await store.letters()
        await store.age(30 * 60)
        assert await addresses.reset_password(reset.token, NEXT) is LinkRefusal.STALE
        await store.age(3 * DAY)
        assert await addresses.prove(proof.token) is LinkRefusal.STALE

    async def test_links_are_for_one_purpose(self, store: MailStore) -> None:
        """A proof's link changes no password, a password's proves by changing it alone."""
        accounts, addresses = mailing(store)
        await registered(accounts)
        await addresses.ask_for_reset(EMAIL)
        proof, reset = await store.letters()
        assert await addresses.reset_password(proof.token, NEXT) is LinkRefusal.STALE
        assert await addresses.prove(reset.token) is LinkRefusal.STALE
        for nonsense in ("", "x", "x" * 43, "ä" * 43):
            assert await addresses.prove(nonsense) is LinkRefusal.STALE
            assert await addresses.reset_password(nonsense, NEXT) is LinkRefusal.STALE

    async def test_a_forgotten_password(self, store: MailStore) -> None:
        """The link changes it once, ends every sign-in, proves the address and tells its owner."""
        accounts, addresses = mailing(store)
        before = await registered(accounts)
        assert await addresses.ask_for_reset(f" {EMAIL.upper()} ") == 0.0
        assert await addresses.ask_for_reset(EMAIL) == 0.0
        _, first, second = await store.letters()
        assert (first.kind, first.address) == (Kind.RESET_PASSWORD, EMAIL)
        assert await addresses.reset_password(first.token, "short") is LinkRefusal.INVALID_PASSWORD
        assert await addresses.reset_password(first.token, EMAIL) is LinkRefusal.INVALID_PASSWORD
        changed = await addresses.reset_password(first.token, NEXT)
        assert isinstance(changed, User)
        assert changed.email_proven_at is not None
        for link in (first, second):
            assert await addresses.reset_password(link.token, NEXT) is LinkRefusal.STALE
        assert await accounts.refresh(before.refresh_token) is RefreshRefusal.ENDED
        assert await accounts.login(EMAIL, PASSWORD) is LoginRefusal.WRONG
        assert isinstance(await accounts.login(EMAIL, NEXT), SignedIn)
        kinds = [one.kind for one in await store.letters()]
        assert kinds == [Kind.PROVE_ADDRESS, Kind.PASSWORD_CHANGED, Kind.NEW_SIGN_IN]

    async def test_nobody_to_write_to(self, store: MailStore) -> None:
        """Unknown, impossible and disabled addresses get the answer of any other, and no mail."""
        accounts, addresses = mailing(store)
        await registered(accounts)
        await accounts.disable(EMAIL)
        for address in ("nobody@example.com", "no address", EMAIL):
            assert await addresses.ask_for_reset(address) == 0.0
        assert [one.kind for one in await store.letters()] == [Kind.PROVE_ADDRESS]

    async def test_letters_are_bounded(self, store: MailStore) -> None:
        """Three an hour go to an address, whether it has an account or not."""
        accounts, addresses = mailing(store)
        principal = (await registered(accounts)).principal
        for address in (EMAIL, "nobody@example.com"):
            waits = [await addresses.ask_for_reset(address) for _ in range(4)]
            assert waits[:3] == [0.0] * 3
            assert 3500 < waits[3] <= 3600
        outcomes = [await addresses.ask_for_proof(principal) for _ in range(4)]
        assert [isinstance(one, User) for one in outcomes] == [True, True, True, False]
        assert isinstance(outcomes[3], float)
        assert len(await store.letters()) == 7

    async def test_another_address(self, store: MailStore) -> None:
        """It is the account's once its link was followed; then the old one is told."""
        accounts, addresses = mailing(store)
        signed_in = await registered(accounts)
        await addresses.ask_for_reset(EMAIL)
        asked = await addresses.ask_for_change(signed_in.principal, NEW_EMAIL, PASSWORD)
        assert asked is None
        assert await accounts.find(EMAIL) == signed_in.user
        proof, reset, change = await store.letters()
        assert (change.kind, change.address) == (Kind.CHANGE_ADDRESS, NEW_EMAIL)
        changed = await addresses.prove(change.token)
        assert isinstance(changed, User)
        assert (changed.id, changed.email) == (signed_in.user.id, NEW_EMAIL)
        assert changed.email_proven_at is not None
        assert await accounts.find(EMAIL) is None
        assert await accounts.login(EMAIL, PASSWORD) is LoginRefusal.WRONG
        assert isinstance(await accounts.login(NEW_EMAIL, PASSWORD), SignedIn)
        await refreshed(accounts, signed_in.refresh_token)
        told = (await store.letters())[1]
        assert (told.kind, told.address) == (Kind.ADDRESS_CHANGED, EMAIL)
        # Whoever reads the mail of the old one can do nothing with it any more.
        assert await addresses.reset_password(reset.token, NEXT) is LinkRefusal.STALE
        assert await addresses.prove(proof.token) is LinkRefusal.STALE

    async def test_refused_changes_of_address(self, store: MailStore) -> None:
        """Not without the password, not to somebody else's address, nor to one that is none."""
        accounts, addresses = mailing(store)
        who = (await registered(accounts)).principal
        await registered(accounts, "bob@example.com")
        assert await addresses.prove((await store.letters())[0].token) == await accounts.me(who)
        for email, password, refusal in [
            (NEW_EMAIL, "wrong horse", PasswordRefusal.WRONG),
            (NEW_EMAIL, "x" * 5000, PasswordRefusal.WRONG),
            ("no address", PASSWORD, ProofRefusal.INVALID_EMAIL),
        ]:
            assert await addresses.ask_for_change(who, email, password) is refusal
        taken = await addresses.ask_for_change(who, "bob@example.com", PASSWORD)
        assert taken is ProofRefusal.EMAIL_TAKEN
        accounts, addresses = mailing(store)
        own = await addresses.ask_for_change(who, EMAIL, PASSWORD)
        assert own is ProofRefusal.PROVEN

    async def test_an_address_that_was_taken_meanwhile(self, store: MailStore) -> None:
        """Whoever registers it first has it; the other account keeps its own."""
        accounts, addresses = mailing(store)
        who = (await registered(accounts)).principal
        await addresses.ask_for_change(who, NEW_EMAIL, PASSWORD)
        change = (await store.letters())[1]
        await registered(accounts, NEW_EMAIL)
        assert await addresses.prove(change.token) is LinkRefusal.EMAIL_TAKEN
        user = await accounts.me(who)
        assert user is not None
        assert user.email == EMAIL

    async def test_a_new_password_ends_what_a_thief_began(self, store: MailStore) -> None:
        """Links to another address and to another password are good for nothing after it."""
        accounts, addresses = mailing(store)
        who = (await registered(accounts)).principal
        await addresses.ask_for_change(who, NEW_EMAIL, PASSWORD)
        await addresses.ask_for_reset(EMAIL)
        proof, change, reset = await store.letters()
        await accounts.change_password(who, PASSWORD, NEXT)
        assert await addresses.prove(change.token) is LinkRefusal.STALE
        assert await addresses.reset_password(reset.token, PASSWORD) is LinkRefusal.STALE
        assert isinstance(await addresses.prove(proof.token), User)
        kinds = [one.kind for one in await store.letters()]
        assert kinds == [Kind.PROVE_ADDRESS, Kind.PASSWORD_CHANGED]

    async def test_a_sign_in_from_somewhere_new_is_told(self, store: MailStore) -> None:
        """One with the token of an earlier sign-in is not; somebody else's is worth nothing."""
        accounts, _ = mailing(store)
        first = await registered(accounts)
        other = await registered(accounts, "bob@example.com")
        for device_token, letters in [
            (first.device_token, 2),
            (other.device_token, 3),
            (first.device_token[:-4] + "AAAA", 4),
            ("", 5),
        ]:
            visitor = Visitor("203.0.113.7", "203.0.113.7", device_token)
            assert isinstance(await accounts.login(EMAIL, PASSWORD, visitor=visitor), SignedIn)
            assert len(await store.letters()) == letters
        assert {one.kind for one in (await store.letters())[2:]} == {Kind.NEW_SIGN_IN}

    async def test_a_deleted_account_gets_no_mail(self, store: MailStore) -> None:
        """What waits goes with it, and its links are good for nothing."""
        accounts, addresses = mailing(store)
        signed_in = await registered(accounts)
        (proof,) = await store.letters()
        await accounts.delete_own(signed_in.principal, PASSWORD)
        assert await store.letters() == []
        assert await addresses.prove(proof.token) is LinkRefusal.STALE


def mailing(store: MailStore) -> tuple[Accounts, Addresses]:
    """Accounts where mail is sent, with free credit."""
    accounts = make_accounts(store.database, mail=True, free_ms=GIFT_MS)
    assert accounts.addresses is not None
    return accounts, accounts.addresses
