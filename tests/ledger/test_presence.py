"""A daemon's boot in the database: there from the first session to the last, and then said over."""

from uuid import uuid4

import pytest
import trio
from trio.testing import MockClock

from relayd.ledger.presence import Presence
from tests.fakes.books import Books
from tests.fakes.database import BooksDatabase


async def test_a_boot_is_there_and_beats_until_it_is_left(autojump_clock: MockClock) -> None:
    """It is known before anything else runs, beats meanwhile, and its end is recorded."""
    books, boot_id, neighbour = Books(), uuid4(), uuid4()
    books.register(neighbour)
    presence = Presence(BooksDatabase(books), boot_id, heartbeat_seconds=5, host="here")

    async with presence.kept():
        boot = books.boots[boot_id]
        await trio.sleep(12)
        assert (boot.beats, boot.ended) == (3, False)
        assert not presence.farewell_said

    assert boot.ended
    assert presence.farewell_said is True
    assert not books.boots[neighbour].ended
    assert trio.current_time() == 12


async def test_who_is_cancelled_says_so_too(autojump_clock: MockClock) -> None:
    """However a daemon is told to end, nobody has to find out that it did."""
    books, boot_id = Books(), uuid4()
    presence = Presence(BooksDatabase(books), boot_id, heartbeat_seconds=5)

    with trio.move_on_after(1):
        async with presence.kept():
            await trio.sleep_forever()

    assert books.boots[boot_id].ended
    assert presence.farewell_said is True


async def test_an_end_that_could_not_be_recorded(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that is away holds nobody up: it is logged, and the farewell counts as unsaid."""
    database, boot_id = BooksDatabase(Books()), uuid4()
    presence = Presence(database, boot_id, heartbeat_seconds=5)

    async with presence.kept():
        database.reachable = False

    assert presence.farewell_said is False
    assert not database.books.boots[boot_id].ended
    assert "the end of this daemon could not be recorded" in caplog.messages
