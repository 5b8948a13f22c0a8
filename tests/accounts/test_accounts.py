"""`Accounts` in memory: the contract, and what is about no store at all."""

import attrs
import bcrypt
import pytest
import trio

from relayd.accounts.outcomes import (
    ChangeRefusal,
    LoginRefusal,
    PasswordRefusal,
    RegisterRefusal,
    User,
)
from relayd.accounts.proving.passwords import Passwords
from relayd.accounts.sign_ins.lifetimes import Keeper, Lifetime
from relayd.accounts.sign_ins.sign_ins import SignInTerms
from relayd.errors import DatabaseUnavailable
from tests.accounts.contract import AccountsContract
from tests.accounts.factors import FactorsContract
from tests.accounts.guessing import GuessingContract
from tests.accounts.letters import LettersContract, Sent
from tests.accounts.own_changes import OwnChangesContract
from tests.accounts.renewals import RenewalsContract
from tests.accounts.world import (
    EMAIL,
    LETTERS,
    PASSWORD,
    PEPPER,
    make_accounts,
    registered,
)
from tests.fakes.accounts import MemoryAccounts


@attrs.frozen
class MemoryStore:
    """The fake, as the contract wants it."""

    database: MemoryAccounts = attrs.field(factory=MemoryAccounts)

    async def age(self, seconds: float) -> None:
        """Let time pass."""
        self.database.age(seconds)

    async def letters(self) -> list[Sent]:
        """What waits, oldest first."""
        return [
            Sent(one.letter.kind, one.address, LETTERS.token(one.letter.id))
            for one in self.database.mails
        ]

    async def given_ms(self, user: User) -> int:
        """How much free credit a user was given."""
        return self.database.gifts.get(user.id, 0)


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore()


class TestInMemory(
    AccountsContract,
    RenewalsContract,
    OwnChangesContract,
    LettersContract,
    GuessingContract,
    FactorsContract,
):
    """The contract against the fake."""


async def test_one_hash_whoever_asks(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A known, an unknown and an impossible address cost one bcrypt each, of the same cost."""
    accounts = make_accounts(store.database)
    await registered(accounts)
    checked: list[tuple[int, bytes]] = []
    check = bcrypt.checkpw

    def counting(password: bytes, hashed: bytes) -> bool:
        checked.append((len(password), hashed[:7]))
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counting)
    for email in [EMAIL, "bob@example.com", "no address"]:
        assert await accounts.login(email, "wrong horse") is LoginRefusal.WRONG
    assert checked == [(64, b"$2b$04$")] * 3


async def test_full_queue(store: MemoryStore) -> None:
    """With the password queue full, everyone is turned away and nothing is stored."""
    accounts = make_accounts(store.database)
    await registered(accounts)
    full = Passwords(PEPPER, trio.CapacityLimiter(1), cost=4, queue_max=0)
    turned = attrs.evolve(accounts, proving=attrs.evolve(accounts.proving, passwords=full))
    assert await turned.login(EMAIL, PASSWORD) is LoginRefusal.BUSY
    assert await turned.register("bob@example.com", PASSWORD) is RegisterRefusal.BUSY
    assert await turned.set_password(EMAIL, "another horse") is ChangeRefusal.BUSY
    principal = (await accounts.login(EMAIL, PASSWORD)).principal  # type: ignore[union-attr]
    changing = turned.change_password(principal, PASSWORD, "another horse")
    assert await changing is PasswordRefusal.BUSY
    assert list(store.database.users) == [EMAIL]


async def test_password_changed_while_logging_in(store: MemoryStore) -> None:
    """A login whose password was changed after it was verified gets no sign-in."""
    accounts = make_accounts(store.database)
    await registered(accounts)

    @attrs.define(eq=False)
    class Overtaken(Passwords):
        def _matches(self, password: str, stored: str | None) -> bool:
            matched = super()._matches(password, stored)
            store.database.set_password(EMAIL, "changed")
            return matched

    overtaken = Overtaken(PEPPER, trio.CapacityLimiter(1), cost=4)
    slow = attrs.evolve(accounts, proving=attrs.evolve(accounts.proving, passwords=overtaken))
    assert await slow.login(EMAIL, PASSWORD) is LoginRefusal.WRONG


async def test_no_database(store: MemoryStore) -> None:
    """An unreachable database is an exception, never a refusal."""
    accounts = make_accounts(store.database)
    store.database.reachable = False
    with pytest.raises(DatabaseUnavailable):
        await accounts.login(EMAIL, PASSWORD)


async def test_pruning_keeps_up(store: MemoryStore) -> None:
    """One call deletes in several passes, but not without end."""
    accounts = make_accounts(store.database)
    user = (await registered(accounts)).user
    for number in range(25_000):
        terms = SignInTerms(number.to_bytes(32), Keeper.APP, Lifetime(60, 60, 60))
        store.database.start_sign_in(user.id, store.database.hashes[user.id], terms)
    await store.age(60 * 86_400)
    first, second = await accounts.prune(), await accounts.prune()
    assert (first, first + second) == (40_000, 50_002)
    assert await accounts.prune() == 0
