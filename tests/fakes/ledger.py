"""The session's `Ledger` port in memory: same outcomes as on PostgreSQL, by `LedgerContract`."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID, uuid4

import attrs
import trio

from relayd.errors import LedgerUnavailable
from relayd.identity import Principal
from relayd.ledger.holds import Policy
from relayd.session.ports import (
    Closed,
    Opened,
    OpenRefusal,
    OpenRequest,
    Renewed,
    Revoked,
    Settlement,
)
from tests.fakes.books import Books
from tests.fakes.rows import FakeSession

__all__ = ["FakeLedger"]

T = TypeVar("T")


@attrs.define(eq=False)
class FakeLedger:
    """One daemon's `Ledger` on some books.

    ``reachable = False`` refuses every call; ``lost_replies`` lets that many calls take effect
    and then fail, as when PostgreSQL dies between commit and answer, ``lost`` those of these names.
    """

    books: Books = attrs.field(factory=Books)
    policy: Policy = attrs.field(factory=Policy)
    boot_id: UUID = attrs.field(factory=uuid4)
    reachable: bool = True
    lost_replies: int = 0
    lost: set[str] = attrs.field(factory=set)
    # Closing these is a bug.
    bad: set[UUID] = attrs.field(factory=set)
    # What it was asked to do, and when.
    asked: list[tuple[str, float]] = attrs.field(factory=list)
    # Like a thread, a call in progress does not feel cancellation.
    latency_seconds: float = 0.0
    # The daemons that hear which session is recalled.
    recalls: list[Callable[[UUID], object]] = attrs.field(factory=list)
    # From taking effect to the answer; whoever is cancelled meanwhile doesn't learn it.
    answer_seconds: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.books.register(self.boot_id)

    def add_user(self, user_id: UUID) -> Principal:
        """A user without credit who signed in once."""
        return self.books.add_user(who=Principal.signed_in(user_id, uuid4()))

    def grant(self, user_id: UUID, amount_ms: int) -> None:
        """Give credit."""
        self.books.book(user_id, "grant", str(uuid4()), amount_ms)

    def disable(self, user_id: UUID) -> None:
        """End an account."""
        self.books.disable(user_id)

    def freeze(self, user_id: UUID) -> None:
        """A payment of the user is disputed."""
        self.books.freeze(user_id)

    def balance_of(self, user_id: UUID) -> int:
        """All that the user has, in milliseconds."""
        return self.books.accounts[user_id].balance_ms

    def held_ms(self, user_id: UUID) -> int:
        """What the user's sessions hold and have not used."""
        return self.books.accounts[user_id].held_ms

    def open_sessions(self, user_id: UUID) -> list[FakeSession]:
        """The user's sessions that are not settled."""
        return list(self.books.open_sessions(user_id))

    async def open_others(self, user_id: UUID, count: int) -> list[UUID]:
        """Open so many sessions of the user elsewhere; their ids."""
        ids = [uuid4() for _ in range(count)]
        for session_id in ids:
            request = OpenRequest(session_id, Principal(user_id), "fake", "", "192.0.2.9")
            assert isinstance(await self.open(request), Opened)
        return ids

    def assert_balanced(self) -> None:
        """Every identity of the ledger holds."""
        self.books.check()

    async def open(self, request: OpenRequest) -> Opened | OpenRefusal:
        """See `relayd.session.ports.Ledger`."""
        await self._arrive("open")
        return await self._answer("open", self.books.open(request, self.boot_id, self.policy))

    async def recall(self, session_id: UUID, user_id: UUID) -> bool:
        """See `relayd.session.ports.Ledger`."""
        await self._arrive("recall")
        settled = self.books.settled(session_id, user_id)
        for hear in () if settled else self.recalls:
            hear(session_id)
        return await self._answer("recall", settled)

    async def settled(self, session_id: UUID, user_id: UUID) -> bool:
        """See `relayd.session.ports.Ledger`."""
        await self._arrive("settled")
        return await self._answer("settled", self.books.settled(session_id, user_id))

    async def renew(self, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed | Revoked:
        """See `relayd.session.ports.Ledger`."""
        assert 0 <= used_ms <= keep_ms
        await self._arrive("renew")
        return await self._answer(
            "renew", self.books.renew(session_id, used_ms, keep_ms, self.policy)
        )

    async def close(self, settlement: Settlement) -> Closed:
        """See `relayd.session.ports.Ledger`."""
        await self._arrive("close")
        if settlement.session_id in self.bad:
            raise ZeroDivisionError
        return await self._answer("close", self.books.close(settlement))

    async def balance_ms(self, user_id: UUID) -> int:
        """See `relayd.session.ports.Ledger`."""
        await self._arrive("balance_ms")
        return await self._answer("balance_ms", self.books.balance(user_id).streams_ms)

    async def _arrive(self, name: str) -> None:
        self.asked.append((name, trio.current_time()))
        await trio.lowlevel.checkpoint()
        with trio.CancelScope(shield=True):
            await trio.sleep(self.latency_seconds)
        if not self.reachable:
            raise LedgerUnavailable("the fake ledger is switched off")

    async def _answer(self, name: str, answer: T) -> T:
        if self.answer_seconds:
            await trio.sleep(self.answer_seconds)
        if self.lost_replies or name in self.lost:
            self.lost_replies = max(self.lost_replies - 1, 0)
            raise LedgerUnavailable("the fake ledger lost its reply")
        return answer
