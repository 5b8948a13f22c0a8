"""Who may move money by hand, what they have to show, and the trail that it leaves."""

from uuid import uuid4

import attrs
import psycopg
import pytest

from relayd.accounts.accounts import Accounts
from relayd.accounts.operators import (
    DISABLE,
    ENABLE,
    READ_USER,
    Deed,
    Hand,
    OperatorRefusal,
    Operators,
)
from relayd.accounts.outcomes import ChangeRefusal, Delayed, SignedIn, User
from relayd.database.ports import Database
from relayd.identity import Scope
from relayd.keys.keys import Keys
from relayd.keys.outcomes import MadeKey, WantedKey
from relayd.ledger.balances import Entry
from relayd.ledger.outcomes import Booked, BookingRefusal
from tests.accounts.factors import Phone, secured, switched_on
from tests.accounts.test_postgres import PostgresStore
from tests.accounts.world import EMAIL

pytestmark = pytest.mark.system

MACHINE = Hand(login="root")


@attrs.define(eq=False)
class Office:
    """Somebody with a second factor, an account to book on, and who judges them."""

    accounts: Accounts
    phone: Phone
    ada: User
    customer: User

    @property
    def strict(self) -> Operators:
        """Where a second factor is wanted."""
        return attrs.evolve(self.accounts.operators, factor_required=True)

    def entry(self, amount_ms: int = 1000) -> Entry:
        """Something to book."""
        kind = "grant" if amount_ms > 0 else "adjustment"
        return Entry(self.customer.id, kind, f"test-{uuid4()}", amount_ms, "because")

    def hand(self, code: str | None = None) -> Hand:
        """Ada's, with this code, or a good one."""
        if code is None:
            self.phone.now += 60
            code = self.phone.code()
        return Hand(self.ada.id, code, "root")

    async def appointed(self) -> None:
        """Make her an operator."""
        assert (
            await self.accounts.operators.appoint(MACHINE, self.ada.id, "keeps the books") is True
        )


@pytest.fixture
async def office(database: Database) -> Office:
    """Ada isn't an operator yet."""
    accounts, phone = secured(PostgresStore(database))
    await switched_on(accounts, phone)
    ada = await accounts.find(EMAIL)
    customer = await accounts.add("customer@example.org", "a password of some length")
    assert ada is not None
    assert isinstance(customer, User)
    return Office(accounts, phone, ada, customer)


async def test_without_the_requirement(office: Office) -> None:
    """Whoever is at the machine may, and stands in the trail by their login."""
    operators = office.accounts.operators
    assert isinstance(await operators.book(MACHINE, office.entry()), Booked)
    (row,) = await operators.trail(10)
    assert (row.operator, row.login, row.second_factor) == (None, "root", False)
    assert (row.action, row.email, row.amount_ms) == ("grant", office.customer.email, 1000)
    assert row.reason == "because"


async def test_with_the_requirement(office: Office) -> None:
    """An operator's account and a code are wanted; else nothing is booked, and nothing recorded."""
    strict = office.strict
    assert await strict.book(MACHINE, office.entry()) is OperatorRefusal.UNNAMED
    assert await strict.book(office.hand(), office.entry()) is OperatorRefusal.NO_OPERATOR
    await office.appointed()
    assert await strict.book(office.hand(""), office.entry()) is OperatorRefusal.CODE_NEEDED
    wrong = office.hand(office.phone.wrong_code())
    assert await strict.book(wrong, office.entry()) is OperatorRefusal.WRONG_CODE
    assert [row.action for row in await strict.trail(10)] == ["appoint_operator"]

    good = office.hand()
    assert isinstance(await strict.book(good, office.entry(-500)), Booked)
    assert await strict.book(good, office.entry()) is OperatorRefusal.WRONG_CODE

    row, _ = await strict.trail(10)
    assert (row.operator, row.second_factor, row.action) == (EMAIL, True, "adjustment")


async def test_codes_are_guessed_slowly(office: Office) -> None:
    """As at signing in: after some wrong ones even a good one waits."""
    await office.appointed()
    for _ in range(4):
        await office.strict.book(office.hand(office.phone.wrong_code()), office.entry())
    assert isinstance(await office.strict.book(office.hand(), office.entry()), Delayed)


async def test_an_operator_without_a_second_factor(office: Office) -> None:
    """Can't do what takes one."""
    assert await office.accounts.operators.appoint(MACHINE, office.customer.id, "test") is True
    hand = Hand(office.customer.id, "123456", "root")
    outcome = await office.strict.book(hand, office.entry())
    assert outcome is OperatorRefusal.NO_SECOND_FACTOR


async def test_a_disabled_operator(office: Office) -> None:
    """Is none, whatever code they show; nor is one who was deleted."""
    await office.appointed()
    await office.accounts.disable(EMAIL)
    assert await office.strict.book(office.hand(), office.entry()) is OperatorRefusal.NO_OPERATOR
    await office.accounts.delete(EMAIL)
    assert await office.strict.book(office.hand(), office.entry()) is OperatorRefusal.NO_OPERATOR
    assert not await office.strict.is_operator(office.ada.id)


async def test_the_first_operator_needs_nobody(office: Office) -> None:
    """With the requirement too; once one could show a factor, the next one takes theirs."""
    strict = office.strict
    assert await strict.appoint(MACHINE, office.ada.id, "keeps the books") is True
    assert await strict.appoint(MACHINE, office.customer.id, "me too") is OperatorRefusal.UNNAMED
    assert await strict.dismiss(MACHINE, office.ada.id, "gone") is OperatorRefusal.UNNAMED
    assert await strict.appoint(office.hand(), office.customer.id, "helps") is True
    assert await strict.appoint(office.hand(), office.customer.id, "helps") is False
    assert await strict.dismiss(office.hand(), office.customer.id, "left") is True
    actions = [row.action for row in await strict.trail(10)]
    assert actions == ["dismiss_operator", "appoint_operator", "appoint_operator"]


@pytest.mark.parametrize("gone", ["disabled", "deleted"])
async def test_nobody_is_first_again(office: Office, gone: str) -> None:
    """Where an operator showed a factor, getting rid of them makes nobody else one."""
    await office.appointed()
    assert isinstance(await office.strict.book(office.hand(), office.entry()), Booked)
    change = office.accounts.disable if gone == "disabled" else office.accounts.delete
    assert isinstance(await change(EMAIL), User)
    outcome = await office.strict.appoint(MACHINE, office.customer.id, "me too")
    assert outcome is OperatorRefusal.UNNAMED


async def test_what_was_refused_or_repeated_is_not_in_the_trail(office: Office) -> None:
    """The trail has what was done, once."""
    operators, entry = office.accounts.operators, office.entry()
    assert isinstance(await operators.book(MACHINE, entry), Booked)
    again = await operators.book(MACHINE, entry)
    assert isinstance(again, Booked)
    assert again.repeated
    taken = attrs.evolve(entry, amount_ms=2000)
    assert await operators.book(MACHINE, taken) is BookingRefusal.KEY_TAKEN
    assert len(await operators.trail(10)) == 1


async def test_out_and_in_again(office: Office, database: Database) -> None:
    """Kept out, an account has no sign-in and no key that is good; each change stands once."""
    operators, keys, whose = office.accounts.operators, Keys(database), office.customer
    made = await keys.make(WantedKey(whose.id, "k", frozenset({Scope.READ}), False))
    signed_in = await office.accounts.login(whose.email, "a password of some length")
    assert isinstance(made, MadeKey)
    assert isinstance(signed_in, SignedIn)

    async def let_in() -> tuple[bool, bool]:
        # As a process that remembers nothing.
        keyed = await Keys(database).authenticate(made.text)
        return keyed is not None, await office.accounts.authenticate(signed_in.token) is not None

    async def judge(reason: str, *, disabled: bool) -> object:
        deed = Deed(DISABLE if disabled else ENABLE, whose.id, reason, reference="key 1")
        return await operators.set_disabled(MACHINE, deed, disabled=disabled)

    assert await let_in() == (True, True)
    assert await judge("abuse", disabled=True) is True
    assert await judge("again", disabled=True) is False
    assert await let_in() == (False, False)
    assert await judge("a mistake", disabled=False) is True
    assert await let_in() == (True, False)
    rows = [(row.action, row.email, row.reason) for row in await operators.trail(10)]
    assert rows == [
        (ENABLE, whose.email, "a mistake"),
        (DISABLE, whose.email, "abuse"),
    ]


async def test_nobody_lets_in_who_was_deleted(office: Office) -> None:
    """A deleted account is nobody's, and stays so."""
    await office.accounts.delete(office.customer.email)
    deed = Deed(ENABLE, office.customer.id, "a mistake")
    outcome = await office.accounts.operators.set_disabled(MACHINE, deed, disabled=False)
    assert outcome is ChangeRefusal.UNKNOWN_USER
    assert await office.accounts.operators.trail(10) == []


async def test_the_trail_is_append_only(office: Office, database_url: str) -> None:
    """PostgreSQL itself refuses whatever else is tried, also where triggers are silent."""
    await office.appointed()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in (
            "UPDATE operator_actions SET reason = 'another'",
            "DELETE FROM operator_actions",
            "TRUNCATE operator_actions",
        ):
            with pytest.raises(psycopg.Error, match="append-only"):
                connection.execute(statement)


async def test_a_look_leaves_a_row(office: Office) -> None:
    """What a program of an operator's looked at stands in the same trail, by its key."""
    deed = Deed(READ_USER, office.customer.id, "ticket 117", reference="key 1")
    for _ in range(2):
        await office.accounts.operators.note(deed, office.ada.id)
    (row,) = await office.accounts.operators.trail(10)
    assert (row.operator, row.login, row.action) == (EMAIL, "", "read_user")
    assert (row.email, row.reason, row.reference) == (
        office.customer.email,
        "ticket 117",
        "key 1",
    )
