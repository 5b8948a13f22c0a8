"""The outbox of customers: one for every user, without keeping a registration waiting."""

from typing import Any, cast
from uuid import UUID, uuid4

import attrs
import pytest
import trio
import trio.testing

from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable, StripeUnavailable
from relayd.payments.ports import Buyer
from relayd.payments.selling import customers
from relayd.payments.selling.customers import CustomerOutbox
from tests.accounts.world import LETTERS, make_accounts, registered
from tests.conftest import DeclaredErrors
from tests.payments.stall import Stall
from tests.payments.till import Till


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop without customers."""
    return Stall(database)


def customer_of(connection: Connection, user_id: UUID) -> str | None:
    """What is recorded of a user."""
    row = connection.execute(
        "SELECT customer_id FROM stripe_customers WHERE user_id = %s", (user_id,)
    ).fetchone()
    assert row is not None
    return str(row[0]) if row[0] else None


@pytest.mark.system
async def test_a_proven_address_makes_a_customer(stall: Stall) -> None:
    """Registering makes none; the proof of the address puts its user into the outbox."""
    accounts = make_accounts(stall.database, mail=True)
    user = (await registered(accounts)).user
    assert await stall.shop.customers.work() == 0

    def queued(connection: Connection) -> UUID:
        row = connection.execute("SELECT id FROM mails").fetchone()
        assert row is not None
        return UUID(str(row[0]))

    assert accounts.addresses is not None
    letter_id = await stall.database.transact(queued)
    await accounts.addresses.prove(LETTERS.token(letter_id))
    assert not stall.stripe.requests
    assert await stall.shop.customers.work() == 1
    customer_id = await stall.database.transact(customer_of, user.id)
    assert customer_id == stall.stripe.customers[user.id]
    assert await stall.shop.customers.work() == 0


@pytest.mark.system
async def test_the_first_purchase_makes_a_customer(stall: Stall) -> None:
    """Whoever buys without a proven address is one from then on; that purchase goes without."""
    user = (await registered(make_accounts(stall.database))).principal
    assert await stall.shop.customers.work() == 0
    await stall.begin(user)
    assert stall.stripe.orders[0].buyer.customer_id is None
    assert await stall.shop.customers.work() == 1
    await stall.begin(user)
    assert stall.stripe.orders[1].buyer.customer_id == stall.stripe.customers[user.user_id]


@pytest.mark.system
async def test_the_customer_buys(stall: Stall) -> None:
    """Once there is a customer, purchases are theirs."""
    who = await stall.user()
    await stall.shop.customers.work()
    await stall.begin(who)
    assert stall.stripe.orders[0].buyer.customer_id == stall.stripe.customers[who.user_id]


@pytest.mark.system
async def test_stripe_away(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """Each user waits by themselves, and Stripe's answer for one keeps no other one waiting."""
    users = [await stall.user() for _ in range(3)]
    stall.stripe.faults += [
        StripeUnavailable("away"),
        StripeUnavailable("no permission", refused=True),
    ]
    assert await stall.shop.customers.work() == 1
    assert await stall.shop.customers.work() == 0
    declared_errors.expect("customer waits for Stripe")
    await stall.make_due()
    assert await stall.shop.customers.work() == 2
    assert stall.stripe.customers.keys() == {who.user_id for who in users}


def due_in_seconds(connection: Connection) -> int:
    """When the one user's row is due again."""
    row = connection.execute(
        "SELECT extract(epoch FROM next_attempt_at - now())::int FROM stripe_customers"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.system
async def test_pauses_double(stall: Stall) -> None:
    """After each failure a user waits twice as long as before, an hour at most."""
    await stall.user()
    stall.stripe.faults += [StripeUnavailable("away")] * 10
    pauses = []
    while stall.stripe.faults:
        await stall.make_due()
        assert await stall.shop.customers.work() == 0
        pauses.append(await stall.database.transact(due_in_seconds))
    assert pauses == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


@pytest.mark.system
async def test_the_lease_outlasts_the_work(stall: Stall) -> None:
    """While a call to Stripe may still last, nobody else takes the user that it is for."""
    await stall.user()
    lasting = []

    class Asked(Till):
        async def create_customer(self, buyer: Buyer) -> str:
            lasting.append(await stall.database.transact(due_in_seconds))
            return await super().create_customer(buyer)

    stripe = Asked()
    await CustomerOutbox(stall.database, stripe).work()
    assert lasting[0] > stripe.call_seconds


@pytest.mark.system
async def test_daemons_share_the_work(stall: Stall) -> None:
    """Two daemons never take the same user at once."""
    for _ in range(12):
        await stall.user()
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(stall.shop.customers.work)
    assert [*stall.stripe.requests] == ["POST /v1/customers"] * 12


@pytest.mark.system
async def test_so_many_at_once(stall: Stall) -> None:
    """A daemon makes a few customers at a time, however many wait."""
    for _ in range(customers.BATCH + 2):
        await stall.user()
    assert [await stall.shop.customers.work() for _ in range(3)] == [customers.BATCH, 2, 0]


async def test_paced(
    autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors
) -> None:
    """It looks every two seconds, at once while there is work, later where it fails."""
    asked: list[float] = []
    buyer = Buyer(uuid4(), "ada@example.org", None)
    answers: list[Any] = [[buyer], [], DatabaseUnavailable("away"), ZeroDivisionError(), []]

    @attrs.frozen
    class Scripted:
        async def transact(self, function: Any, *arguments: Any) -> Any:
            await trio.lowlevel.checkpoint()
            if function is not customers.claim:
                return None
            asked.append(trio.current_time())
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    with trio.move_on_after(9):
        await CustomerOutbox(cast("Any", Scripted()), Till()).run()
    assert asked == [0, 0, 2, 4, 8]
    declared_errors.expect("background work failed")
