"""The contract, on the fake and on PostgreSQL."""

from typing import Any
from uuid import UUID, uuid4

import attrs
import pytest

from relayd.database.ports import Connection, Database
from relayd.ledger.audit import audit
from relayd.ledger.holds import Policy
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.sweeper import end_boot, register_boot
from relayd.session.ports import Ledger
from tests.fakes.books import Books
from tests.fakes.ledger import FakeLedger
from tests.ledger.boots import BootsContract
from tests.ledger.continuing import ContinuingContract
from tests.ledger.contract import LedgerContract
from tests.ledger.freezing import FreezingContract
from tests.ledger.lots import LotsContract
from tests.ledger.reservations import ReservationsContract
from tests.ledger.store import Store


@attrs.frozen
class FakeBench:
    """`Books` under test."""

    books: Books = attrs.field(factory=Books)

    async def ledger(self, policy: Policy) -> Ledger:
        """A further daemon."""
        return FakeLedger(self.books, policy)

    def boot_of(self, ledger: Ledger) -> UUID:
        """The fake's own."""
        assert isinstance(ledger, FakeLedger)
        return ledger.boot_id

    async def crash(self, ledger: Ledger) -> None:
        """It dies."""
        assert isinstance(ledger, FakeLedger)
        self.books.crash(ledger.boot_id)

    async def act(self, name: str, *arguments: Any) -> Any:
        """One transaction."""
        return getattr(self.books, name)(*arguments)

    async def assert_balanced(self) -> None:
        """Every identity holds."""
        self.books.check()


@attrs.frozen
class PostgresBench:
    """PostgreSQL under test."""

    database: Database

    async def ledger(self, policy: Policy) -> Ledger:
        """A further daemon."""
        boot_id = uuid4()
        await register_boot(self.database, boot_id, "test")
        return PostgresLedger(self.database, boot_id, policy)

    def boot_of(self, ledger: Ledger) -> UUID:
        """The adapter's own."""
        assert isinstance(ledger, PostgresLedger)
        return ledger.boot_id

    async def crash(self, ledger: Ledger) -> None:
        """It dies."""
        assert isinstance(ledger, PostgresLedger)
        await end_boot(self.database, ledger.boot_id)

    async def act(self, name: str, *arguments: Any) -> Any:
        """One transaction."""

        def transact(connection: Connection) -> Any:
            return getattr(Store(connection), name)(*arguments)

        return await self.database.transact(transact)

    async def assert_balanced(self) -> None:
        """Every identity holds."""
        assert await self.database.transact(audit) == ()


class Contracts(
    LedgerContract,
    ContinuingContract,
    FreezingContract,
    BootsContract,
    ReservationsContract,
    LotsContract,
):
    """All of them."""


class TestFake(Contracts):
    """In memory."""

    @pytest.fixture
    def bench(self) -> FakeBench:
        """Fresh books."""
        return FakeBench()


@pytest.mark.system
class TestPostgres(Contracts):
    """On PostgreSQL."""

    @pytest.fixture
    def bench(self, database: Database) -> PostgresBench:
        """A fresh database."""
        return PostgresBench(database)
