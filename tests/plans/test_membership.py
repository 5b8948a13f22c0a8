"""Which plan somebody is on, and the free minutes of a month, on PostgreSQL."""

import datetime as dt
from uuid import UUID, uuid4

import attrs
import pytest

from relayd import config
from relayd.accounts.users.deletion import delete_user
from relayd.database.ports import Connection, Database
from relayd.jobs.lanes import Terms
from relayd.ledger import balances, lots
from relayd.ledger.audit import audit
from relayd.ledger.balances import Entry
from relayd.ledger.lots import Grant
from relayd.plans.membership import Membership, month_of
from relayd.plans.plans import PlanName
from relayd.plans.service import UserPlans
from relayd.transcriptions.outcomes import Submission, Submitted
from relayd.transcriptions.service import Transcriptions
from tests.fakes.plans import PLANS
from tests.ledger.store import Store

pytestmark = pytest.mark.system

MEMBERSHIP = Membership(PLANS, b"a pepper of thirty-two bytes or so")
OPEN = attrs.evolve(MEMBERSHIP, plans=attrs.evolve(PLANS, unproven=True))


def add_user(connection: Connection, *, proven: bool = True) -> UUID:
    """Somebody, whose address is proven or isn't."""
    user_id = Store(connection).add_user().user_id
    if proven:
        connection.execute("UPDATE users SET email_proven_at = now() WHERE id = %s", (user_id,))
    return user_id


def buy(connection: Connection, user_id: UUID, seconds: int) -> UUID:
    """A paid purchase."""
    purchase_id = uuid4()
    connection.execute(
        "INSERT INTO purchases (id, user_id, package_id, label, seconds, price_cents, currency,"
        " status, settled_at) VALUES (%s, %s, 'p', 'p', %s, 100, 'usd', 'paid', now())",
        (purchase_id, user_id, seconds),
    )
    entry = Entry(user_id, "purchase", str(purchase_id), seconds * 1000, "test", purchase_id)
    balances.book(connection, entry)
    return purchase_id


def balance_ms(connection: Connection, user_id: UUID) -> int:
    """What they have."""
    found = balances.read(connection, user_id)
    assert found is not None
    return found.balance_ms


async def test_free_minutes_come_at_the_first_use(database: Database) -> None:
    """Once in a month, however often it is asked, and they run out with it."""

    def transact(connection: Connection) -> None:
        user_id = add_user(connection)
        before = balance_ms(connection, user_id)
        plans = [MEMBERSHIP.begin(connection, user_id).name for _ in range(3)]
        (lot,) = lots.of_user(connection, user_id)
        assert (before, plans) == (0, [PlanName.FREE] * 3)
        assert (lot.amount_ms, lot.plan, lot.live) == (3_600_000, "free", True)
        assert lot.expires_at == month_of(dt.datetime.now(dt.UTC))[1]

    await database.transact(transact)
    assert await database.transact(audit) == ()


@pytest.mark.parametrize(
    ("membership", "given_ms"), [(MEMBERSHIP, 0), (OPEN, 3_600_000)], ids=["proven", "all"]
)
async def test_who_is_given_them(database: Database, membership: Membership, given_ms: int) -> None:
    """An address that nobody proved gets none, unless the operator says so."""

    def transact(connection: Connection) -> int:
        user_id = add_user(connection, proven=False)
        assert membership.begin(connection, user_id).name is PlanName.FREE
        return balance_ms(connection, user_id)

    assert await database.transact(transact) == given_ms


async def test_each_month_gives_its_own(database: Database) -> None:
    """What is left of the last month's is gone, and this month's come once."""

    def a_month_passes(connection: Connection, user_id: UUID) -> None:
        connection.execute("ALTER TABLE credit_lots DISABLE TRIGGER credit_lots_stay")
        connection.execute(
            "UPDATE credit_lots SET source_id = '2020-01' || substr(source_id, 8),"
            " expires_at = now() - interval '1 hour' WHERE user_id = %s",
            (user_id,),
        )
        connection.execute(
            "UPDATE credit_balance SET lots_due_at = now() - interval '1 hour' WHERE user_id = %s",
            (user_id,),
        )
        connection.execute("ALTER TABLE credit_lots ENABLE ALWAYS TRIGGER credit_lots_stay")

    def transact(connection: Connection) -> list[tuple[int, int]]:
        user_id = add_user(connection)
        MEMBERSHIP.begin(connection, user_id)
        a_month_passes(connection, user_id)
        for _ in range(2):
            MEMBERSHIP.begin(connection, user_id)
        assert balance_ms(connection, user_id) == 3_600_000
        return [(one.remaining_ms, one.expired_ms) for one in lots.of_user(connection, user_id)]

    assert await database.transact(transact) == [(3_600_000, 0), (0, 3_600_000)]
    assert await database.transact(audit) == ()


async def test_an_address_is_given_them_once(database: Database) -> None:
    """An account that is deleted and made again finds the month's minutes used."""

    def transact(connection: Connection) -> tuple[int, int]:
        first, second = add_user(connection), add_user(connection)
        email = "ada@example.org"
        connection.execute("UPDATE users SET email = %s WHERE id = %s", (email, first))
        MEMBERSHIP.begin(connection, first)
        delete_user(connection, first, None)
        connection.execute("UPDATE users SET email = %s WHERE id = %s", (email, second))
        MEMBERSHIP.begin(connection, second)
        MEMBERSHIP.begin(connection, first)
        return balance_ms(connection, first), balance_ms(connection, second)

    assert await database.transact(transact) == (3_600_000, 0)


async def test_bought_minutes_make_the_plan(database: Database) -> None:
    """Whoever bought pays as they go, until the last of it is used or taken back."""

    def transact(connection: Connection) -> list[PlanName]:
        user_id = add_user(connection)
        buy(connection, user_id, 10)
        found = [MEMBERSHIP.begin(connection, user_id).name]
        balances.book(connection, Entry(user_id, "adjustment", "used", -10_000, "test"))
        return [*found, MEMBERSHIP.plan(connection, user_id).name]

    assert await database.transact(transact) == [PlanName.PAYG, PlanName.FREE]


async def test_given_credit_is_no_purchase(database: Database) -> None:
    """What an operator gave is used on Free like everybody's."""

    def transact(connection: Connection) -> PlanName:
        who = Store(connection).add_user(50_000)
        return MEMBERSHIP.plan(connection, who.user_id).name

    assert await database.transact(transact) is PlanName.FREE


async def test_pro_lasts_as_long_as_its_minutes(database: Database) -> None:
    """Until their end, used up or not; those of a payment that is gone are none."""
    user_id = await database.transact(add_user)
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)
    gift = Grant(user_id, "hand", "a gift", 60_000, ends, "to try it", plan="pro")
    for _ in range(2):
        await database.transact(lots.grant, gift)

    def plan(connection: Connection) -> PlanName:
        return MEMBERSHIP.plan(connection, user_id).name

    def refund(connection: Connection) -> None:
        lots.claim(connection, "hand", "a gift", 60_000)

    names = [await database.transact(plan)]
    standing = await UserPlans(database, MEMBERSHIP).standing(user_id)
    await database.transact(refund)
    names.append(await database.transact(plan))
    assert names == [PlanName.PRO, PlanName.FREE]
    assert standing is not None
    assert (standing.period.ends_at, standing.balance.balance_ms) == (ends, 60_000)
    assert await database.transact(audit) == ()


async def test_terms_are_those_of_the_plan(database: Database) -> None:
    """Whoever hands something in is given the month's minutes, and bound by their plan."""

    def transact(connection: Connection) -> tuple[Terms, int]:
        user_id = add_user(connection)
        return MEMBERSHIP.terms(connection, user_id, test=False), balance_ms(connection, user_id)

    assert await database.transact(transact) == (PLANS.free.terms, 3_600_000)


async def test_what_only_pretends_is_no_use(database: Database) -> None:
    """A test key neither hands in nor looks at anything that gives a month's minutes."""
    user_id = await database.transact(add_user)
    service = Transcriptions(database, config.Batch(), plan_terms=MEMBERSHIP.terms)
    plans = UserPlans(database, MEMBERSHIP)

    async def hand_in(*, test: bool) -> None:
        asked = Submission(uuid4(), user_id, "default", f"audio/{uuid4()}", 10_000, test=test)
        assert isinstance(await service.submit(asked), Submitted)

    await hand_in(test=True)
    pretended = await plans.standing(user_id, test=True)
    await hand_in(test=False)
    used = await plans.standing(user_id)

    assert pretended is not None
    assert used is not None
    assert [one.plan and one.plan.name for one in (pretended, used)] == [PlanName.FREE] * 2
    assert (pretended.lots, len(used.lots)) == ((), 1)


async def test_standing_without_plans(database: Database) -> None:
    """Where there are none, what is left is told all the same, and nothing is counted."""
    user_id = await database.transact(add_user)
    plans = UserPlans(database)

    standing = await plans.standing(user_id)

    assert standing is not None
    assert (standing.plan, standing.balance.balance_ms, standing.lots) == (None, 0, ())
    assert await plans.admit(user_id) is None
    assert await plans.standing(uuid4()) is None


def test_months_are_those_of_utc() -> None:
    """A moment belongs to the month that it is in Greenwich."""
    zone = dt.timezone(dt.timedelta(hours=-5))
    begins, ends = month_of(dt.datetime(2026, 12, 31, 22, tzinfo=zone))
    assert begins == dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    assert ends == dt.datetime(2027, 2, 1, tzinfo=dt.UTC)
