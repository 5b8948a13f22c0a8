"""Where histories are played.

The small stage is fast: the stand-in is asked without the SDK, and all of a history is one
transaction of one connection, rolled back at its end.
The large stage is the real thing: the SDK, the pool with its threads, a database for each.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import attrs
import psycopg
import trio

from relayd import config
from relayd.database.pool import open_database
from relayd.database.ports import Connection, Database
from relayd.payments.ports import StripeApi
from relayd.payments.stripe.api import SdkStripe
from tests.ledger.store import Store
from tests.payments.histories.history import History, shop_on
from tests.payments.histories.inline_database import InlineDatabase
from tests.payments.histories.speakers import Speakers
from tests.payments.stripe.direct_stripe import DirectStripe
from tests.stripe_standin import Account, Api
from tests.stripe_standin.client import InMemory, in_memory_client
from tests.stripe_standin.records import Records

__all__ = ["LargeStage", "SmallStage"]

# Rows that were rolled back are still passed over: a fresh database is faster in the long run.
HISTORIES_OF_A_DATABASE: Final = 250


@attrs.define(eq=False)
class SmallStage:
    """Nothing is committed and nothing runs at once: see the large one for that."""

    new_url: Callable[[], str]
    # No real time passes: whatever waits, waits for the clock alone.
    autojump_seconds: float = 0
    _opened: int = 0
    _connection: Connection | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[History]:
        """Everything for one history."""
        await trio.lowlevel.checkpoint()
        if self._connection is None or self._opened % HISTORIES_OF_A_DATABASE == 0:
            self.close()
            self._connection = psycopg.connect(self.new_url(), autocommit=True)
        self._opened += 1
        with self._connection.transaction(force_rollback=True):
            database = InlineDatabase(self._connection)
            api = fresh_api()
            yield history_on(database, self._connection, DirectStripe(api), api)

    def close(self) -> None:
        """Leave the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@attrs.define(eq=False)
class LargeStage:
    """All of it real but the sockets to Stripe."""

    new_url: Callable[[], str]
    # The clock jumps when nothing has happened for so long: threads need some real time.
    autojump_seconds: float = 0.01
    _stripe: InMemory = attrs.field(factory=lambda: InMemory(fresh_api()))
    _sdk: SdkStripe = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._sdk = SdkStripe(in_memory_client(self._stripe))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[History]:
        """Everything for one history."""
        url, settings = self.new_url(), config.Database(pool_size=4)
        self._stripe.api = fresh_api()
        limiter = trio.CapacityLimiter(settings.pool_size)
        async with open_database(settings, url, limiter) as database:
            with psycopg.connect(url, autocommit=True) as connection:
                yield history_on(database, connection, self._sdk, self._stripe.api)


def fresh_api() -> Api:
    """An account of nobody's, whose identifiers are nowhere else."""
    return Api(Account(Records(seed=str(uuid4()))))


def history_on(database: Database, connection: Connection, stripe: StripeApi, api: Api) -> History:
    """A history that is about to begin: two users who have nothing."""
    store = Store(connection)
    return History(
        shop=shop_on(database, stripe),
        api=api,
        users=[store.add_user(), store.add_user()],
        speakers=Speakers(store),
    )
