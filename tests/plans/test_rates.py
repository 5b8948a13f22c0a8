"""So many requests in any minute, exactly, whichever daemon asks."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Thread
from uuid import UUID

import psycopg
import pytest

from relayd.database.ports import Connection
from relayd.plans.rates import Admission, admit
from tests.ledger.store import Store

pytestmark = pytest.mark.system


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """One of a daemon's."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def asked(connection: Connection, user_id: UUID, most: int) -> Admission:
    """A request."""
    with connection.transaction():
        return admit(connection, user_id, most)


def ago(connection: Connection, user_id: UUID, seconds: float) -> None:
    """What was admitted was so much longer ago."""
    connection.execute(
        "UPDATE plan_requests SET admitted = ARRAY("
        "SELECT t - %s FROM unnest(admitted) AS t ORDER BY t) WHERE user_id = %s",
        (dt.timedelta(seconds=seconds), user_id),
    )


def test_daemons_count_together(connection: Connection, database_url: str) -> None:
    """Of many requests at once through several daemons, exactly as many are admitted."""
    user_id = Store(connection).add_user().user_id
    answers: list[Admission] = []

    def daemon(own: Connection) -> Callable[[], None]:
        return lambda: answers.extend(asked(own, user_id, 30) for _ in range(20))

    with ExitStack() as stack:
        connections = [
            stack.enter_context(psycopg.connect(database_url, autocommit=True)) for _ in range(4)
        ]
        threads = [Thread(target=daemon(own)) for own in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    admitted = [one.remaining for one in answers if one.wait_seconds == 0]
    assert sorted(admitted) == list(range(30))
    assert len(answers) == 80


def test_a_place_is_free_again_after_a_minute(connection: Connection) -> None:
    """The window slides: the wait is until the first of those that count doesn't any more."""
    user_id = Store(connection).add_user().user_id
    asked(connection, user_id, 2)
    ago(connection, user_id, 40)
    second = asked(connection, user_id, 2)
    refused = asked(connection, user_id, 2)
    ago(connection, user_id, 20)
    third = asked(connection, user_id, 2)
    again = asked(connection, user_id, 2)

    assert (second.limit, second.remaining, second.wait_seconds) == (2, 0, 0)
    assert second.reset_seconds == pytest.approx(20, abs=5)
    assert refused.wait_seconds == pytest.approx(20, abs=5)
    assert third.wait_seconds == 0
    assert again.wait_seconds == pytest.approx(40, abs=5)


def test_a_lower_limit_counts_at_once(connection: Connection) -> None:
    """On a smaller plan, what was admitted on the larger one counts."""
    user_id = Store(connection).add_user().user_id
    for _ in range(5):
        asked(connection, user_id, 10)

    assert asked(connection, user_id, 3).wait_seconds > 50
    assert asked(connection, user_id, 6).remaining == 0
