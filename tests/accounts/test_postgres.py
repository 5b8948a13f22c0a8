"""The contract on PostgreSQL, and what only a real database can get wrong."""

from typing import Any

import attrs
import psycopg
import pytest
import trio
import trio.lowlevel

from relayd.accounts.outcomes import RefreshRefusal, SignedIn, User
from relayd.accounts.sign_ins import sign_ins
from relayd.accounts.sign_ins.lifetimes import Keeper
from relayd.accounts.sign_ins.tokens import AccessTokens
from relayd.database.ports import Connection, Database
from relayd.ledger import balances
from relayd.mail.letters import Kind
from tests.accounts.contract import AccountsContract
from tests.accounts.factors import FactorsContract
from tests.accounts.guessing import GuessingContract
from tests.accounts.letters import LettersContract, Sent
from tests.accounts.own_changes import OwnChangesContract
from tests.accounts.renewals import RenewalsContract
from tests.accounts.world import EMAIL, LETTERS, PASSWORD, make_accounts, refreshed, registered
from tests.fixtures.locks import until_somebody_waits

pytestmark = pytest.mark.system

HASH = "$2b$04$" + "x" * 53


@attrs.frozen
class PostgresStore:
    """A database whose rows grow old on demand."""

    database: Database

    async def age(self, seconds: float) -> None:
        """Move everything into the past."""
        await self.database.transact(_age, seconds)

    async def letters(self) -> list[Sent]:
        """What waits, oldest first."""
        rows = await self.database.transact(_mails)
        return [Sent(Kind(row[1]), row[2], LETTERS.token(row[0])) for row in rows]

    async def given_ms(self, user: User) -> int:
        """How much free credit a user was given."""
        has = await self.database.transact(balances.read, user.id)
        assert has is not None
        return has.balance_ms


def _mails(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT id, kind, email FROM mails ORDER BY created_at").fetchall()


def _age(connection: Connection, seconds: float) -> None:
    connection.execute(
        """
        UPDATE sign_ins SET created_at = created_at - make_interval(secs => %(by)s),
                            expires_at = expires_at - make_interval(secs => %(by)s)
        """,
        {"by": seconds},
    )
    connection.execute(
        """
        UPDATE refresh_tokens SET created_at = created_at - make_interval(secs => %(by)s),
                                  expires_at = expires_at - make_interval(secs => %(by)s),
                                  spent_at = spent_at - make_interval(secs => %(by)s)
        """,
        {"by": seconds},
    )
    connection.execute(
        """
        UPDATE guesses SET last_at = last_at - make_interval(secs => %(by)s)
        """,
        {"by": seconds},
    )
    connection.execute(
        """
        UPDATE one_time_links SET created_at = created_at - make_interval(secs => %(by)s),
                                  expires_at = expires_at - make_interval(secs => %(by)s)
        """,
        {"by": seconds},
    )


@pytest.fixture
def store(database: Database) -> PostgresStore:
    """An empty database."""
    return PostgresStore(database)


class TestOnPostgres(
    AccountsContract,
    RenewalsContract,
    OwnChangesContract,
    LettersContract,
    GuessingContract,
    FactorsContract,
):
    """The contract against PostgreSQL."""


async def test_storm_of_refreshes(store: PostgresStore) -> None:
    """Forty simultaneous refreshes of one token are one use: all get the one next token."""
    accounts = make_accounts(store.database)
    first = await registered(accounts)
    pairs: list[SignedIn] = []

    async def refresh() -> None:
        pairs.append(await refreshed(accounts, first.refresh_token))

    async with trio.open_nursery() as nursery:
        for _ in range(40):
            nursery.start_soon(refresh)
    assert len(pairs) == 40
    assert len({pair.refresh_token for pair in pairs}) == 1
    rows = await store.database.transact(
        lambda connection: connection.execute(
            "SELECT spent_at IS NULL FROM refresh_tokens"
        ).fetchall()
    )
    assert sorted(rows) == [(False,), (True,)]
    assert {pair.principal for pair in pairs} == {first.principal}
    await store.age(11)
    assert await accounts.refresh(first.refresh_token) is RefreshRefusal.REUSED


async def test_disabling_outruns_logins(store: PostgresStore) -> None:
    """However logins race a disabling, none leaves a sign-in that stands."""
    accounts = make_accounts(store.database)
    await registered(accounts)
    made: list[SignedIn] = []

    async def login() -> None:
        outcome = await accounts.login(EMAIL, PASSWORD)
        if isinstance(outcome, SignedIn):
            made.append(outcome)

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(login)
            if number == 4:
                nursery.start_soon(accounts.disable, EMAIL)
    for signed_in in made:
        assert await accounts.authenticate(signed_in.token) is None
        assert await accounts.refresh(signed_in.refresh_token) is RefreshRefusal.ENDED


async def test_refresh_waits_for_a_logout(store: PostgresStore, database_url: str) -> None:
    """A refresh that meets a logout under way waits for it, and is refused."""
    accounts = make_accounts(store.database)
    first = await registered(accounts)
    outcomes: list[SignedIn | RefreshRefusal] = []

    async def refresh() -> None:
        outcomes.append(await accounts.refresh(first.refresh_token))

    with psycopg.connect(database_url) as logout, psycopg.connect(database_url) as watcher:
        watcher.autocommit = True
        logout.execute("UPDATE sign_ins SET revoked_at = now()")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refresh)
            await until_somebody_waits(watcher)
            logout.commit()
    assert outcomes == [RefreshRefusal.ENDED]


async def test_registration_makes_a_balance(store: PostgresStore) -> None:
    """A user and the balance come into being together."""
    user = (await registered(make_accounts(store.database))).user

    def balance(connection: Connection) -> object:
        return connection.execute(
            "SELECT balance_ms, held_ms, debt_ms FROM credit_balance WHERE user_id = %s",
            (user.id,),
        ).fetchone()

    assert await store.database.transact(balance) == (0, 0, 0)


async def test_no_token_is_stored(store: PostgresStore) -> None:
    """Neither the password nor a token stands in the database, only what they hash to."""
    signed_in = await registered(make_accounts(store.database))

    def dump(connection: Connection) -> str:
        rows = connection.execute("SELECT * FROM users, sign_ins, refresh_tokens").fetchall()
        return repr(rows)

    text = await store.database.transact(dump)
    assert EMAIL in text
    for secret in (PASSWORD, signed_in.token, signed_in.refresh_token):
        assert secret not in text


async def test_pruning_is_bounded(store: PostgresStore) -> None:
    """One pass deletes at most its limit of each, so that it never holds locks for long."""
    accounts = make_accounts(store.database)
    await registered(accounts)
    for _ in range(4):
        await accounts.login(EMAIL, PASSWORD)
    await store.age(60 * 86_400)
    assert await store.database.transact(sign_ins.prune, 3) == 6
    assert await store.database.transact(sign_ins.prune, 3) == 4


@pytest.mark.parametrize(
    ("email", "password_hash", "constraint"),
    [
        ("Ada@example.com", HASH, "users_email_lower_case"),
        ("", HASH, "users_email_length"),
        ("x" * 255, HASH, "users_email_length"),
        ("ada@example.com", "plain text", "users_password_hash_length"),
    ],
)
async def test_constraints(
    store: PostgresStore, email: str, password_hash: str, constraint: str
) -> None:
    """The schema refuses what the code should never write."""

    def insert(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO users (email, password_hash) VALUES (%s, %s)", (email, password_hash)
        )

    with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
        await store.database.transact(insert)


async def test_sign_ins_from_before(store: PostgresStore) -> None:
    """A sign-in of which nobody recorded who keeps it goes on where it is renewed first."""
    accounts = make_accounts(store.database)
    first = await registered(accounts)

    def forget(connection: Connection) -> None:
        connection.execute("UPDATE sign_ins SET keeper = NULL")

    await store.database.transact(forget)
    page = await accounts.refresh(first.refresh_token, Keeper.BROWSER)
    assert isinstance(page, SignedIn)
    assert await accounts.refresh(page.refresh_token) is RefreshRefusal.MISPLACED


async def test_another_secret(store: PostgresStore) -> None:
    """A token spent under a secret that is gone has no next one, and nothing ends for asking."""
    accounts = make_accounts(store.database)
    first = await registered(accounts)
    second = await refreshed(accounts, first.refresh_token)
    changed = attrs.evolve(accounts, tokens=AccessTokens(b"t" * 32))
    assert await changed.refresh(first.refresh_token) is RefreshRefusal.UNKNOWN
    await refreshed(changed, second.refresh_token)
