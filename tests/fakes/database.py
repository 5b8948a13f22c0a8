"""The database of `Books`: every transaction of a daemon's life, in memory."""

from typing import Any
from uuid import UUID

import attrs
import trio

from relayd.errors import DatabaseUnavailable
from relayd.ledger import boots
from relayd.ledger.boots import Pulse
from relayd.ledger.sessions import sweep_session
from relayd.session.ports import Closed
from tests.fakes.books import Books

__all__ = ["BooksDatabase"]


@attrs.define(eq=False)
class BooksDatabase:
    """Implements `relayd.database.ports.Database` for the functions of boots and their sweeping."""

    books: Books
    reachable: bool = True

    async def transact(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """See the port."""
        await trio.lowlevel.checkpoint()
        if not self.reachable:
            raise DatabaseUnavailable("the database is switched off")
        works: dict[Any, Any] = {
            boots.register: self._register,
            boots.beat: self.books.beat,
            boots.end: self._end,
            boots.pulses: self._pulses,
            boots.bury: self.books.bury,
            boots.left_open: self._left_open,
            sweep_session: self._sweep_session,
        }
        return works[function](*args, **kwargs)

    async def probe(self) -> bool:
        """See the port."""
        await trio.lowlevel.checkpoint()
        return self.reachable

    def _register(self, boot_id: UUID, host: str) -> None:
        self.books.register(boot_id)

    def _end(self, boot_id: UUID) -> None:
        self.books.crash(boot_id)

    def _pulses(self, own: UUID) -> list[Pulse]:
        found = (self.books.pulse(boot_id) for boot_id in self.books.boots if boot_id != own)
        return [pulse for pulse in found if pulse is not None]

    def _left_open(self, boot_id: UUID) -> list[UUID]:
        sessions = self.books.sessions.items()
        return [key for key, one in sessions if one.boot_id == boot_id and one.end_reason is None]

    def _sweep_session(self, session_id: UUID) -> Closed | None:
        before = self.books.sessions[session_id]
        if before.end_reason is not None or not self.books.boots[before.boot_id].ended:
            return None
        self.books.sweep()
        return Closed(
            before.used_ms, self.books.balance(before.request.principal.user_id).balance_ms
        )
