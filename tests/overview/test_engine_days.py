"""Days of engines: summed up or not, they say the same."""

import datetime as dt
from collections.abc import Iterator

import psycopg
import pytest

from relayd.database.ports import Connection
from relayd.overview.engine_days import DAYS_AT_ONCE, EngineDay, engine_days, sum_up
from tests.overview.past import NOW, Past, Turn

pytestmark = pytest.mark.system

TODAY = NOW.date()


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A migrated database whose past begins forty days ago."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE engine_days_until SET day = %s", (day(40),))
        yield connection


def day(ago: int) -> dt.date:
    """So many days ago."""
    return TODAY - dt.timedelta(days=ago)


def noon(ago: int) -> dt.datetime:
    """The middle of that day; of today, a moment that is over."""
    if not ago:
        return NOW - dt.timedelta(seconds=1)
    return dt.datetime.combine(day(ago), dt.time(12), dt.UTC)


def summed(connection: Connection) -> int:
    """How many days were summed up until nothing was left to do."""
    days = 0
    while more := sum_up(connection, dt.datetime.combine(TODAY, dt.time(12), dt.UTC)):
        assert more <= DAYS_AT_ONCE
        days += more
    return days


def test_summing_up_changes_nothing(connection: Connection) -> None:
    """What ended on a day counts on it, the same before and after the day was summed up."""
    past = Past(connection)
    for ago in (0, 1, 1, 39):
        past.session(noon(ago), 61_000)
    past.session(noon(1), 1_000, reason="upstream_closed")
    past.session(noon(1), 1_500, rate=1500)
    past.session(None, 5_000)
    past.recording(noon(1), 7_000, 10_500)
    past.recording(noon(1), 0, 0, state="failed")

    before = engine_days(connection, day(39))
    assert summed(connection) == 40
    assert engine_days(connection, day(39)) == before

    assert before == [
        EngineDay(day(39), "live", "deepgram", "nova-3", 1000, 1, 0, 61_000, 61_000),
        EngineDay(day(1), "batch", "whispercpp", "whisper-base", 1000, 2, 1, 7_000, 10_500),
        EngineDay(day(1), "live", "deepgram", "nova-3", 1000, 3, 1, 123_000, 123_000),
        EngineDay(day(1), "live", "deepgram", "nova-3", 1500, 1, 0, 1_000, 1_500),
        EngineDay(day(0), "live", "deepgram", "nova-3", 1000, 1, 0, 61_000, 61_000),
    ]


def test_each_engine_counts_for_what_it_heard(connection: Connection) -> None:
    """A stream that engines heard in turns is each one's for its part, and failed with the first.

    What a cheaper one heard is more audio than the same charge of the first one's.
    """
    turns = [
        Turn("deepgram", "nova-3", 1000, 40_000, streams=2),
        Turn("moonshine", "tiny-en", 500, 10_000, last=True),
    ]
    past = Past(connection)
    past.session(noon(1), 50_000, turns=turns)
    past.session(noon(1), 50_000, turns=turns, reason="upstream_closed")
    past.session(noon(1), 1_000)

    before = engine_days(connection, day(2))
    assert before == [
        EngineDay(day(1), "live", "deepgram", "nova-3", 1000, 5, 4, 81_000, 81_000),
        EngineDay(day(1), "live", "moonshine", "tiny-en", 500, 2, 1, 40_000, 20_000),
    ]
    summed(connection)
    assert engine_days(connection, day(2)) == before


def test_a_day_is_summed_up_once(connection: Connection) -> None:
    """Nothing is added twice, however often one looks."""
    Past(connection).session(noon(3))
    assert summed(connection) == 40
    assert summed(connection) == 0
    assert [one.ended for one in engine_days(connection, day(5))] == [1]


def test_a_day_is_over_an_hour_after_its_end(connection: Connection) -> None:
    """What was settled at midnight may be committed a little later."""
    midnight = dt.datetime.combine(TODAY, dt.time(), dt.UTC)
    connection.execute("UPDATE engine_days_until SET day = %s", (day(1),))
    assert sum_up(connection, midnight + dt.timedelta(minutes=59)) == 0
    assert sum_up(connection, midnight + dt.timedelta(minutes=60)) == 1


def test_only_what_is_asked_for(connection: Connection) -> None:
    """Days before the first one that is asked for are left out, summed up or not."""
    past = Past(connection)
    past.session(noon(20))
    past.session(noon(2))
    assert [one.day for one in engine_days(connection, day(10))] == [day(2)]
    summed(connection)
    assert [one.day for one in engine_days(connection, day(10))] == [day(2)]
