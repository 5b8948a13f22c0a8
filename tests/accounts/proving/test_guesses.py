"""Guesses at an account, as its row in the database counts them."""

import datetime as dt
from collections.abc import Iterator

import psycopg
import pytest

from relayd.accounts.proving.guesses import Guess, begin_guess, seconds_to_wait
from relayd.database.ports import Connection

pytestmark = pytest.mark.system

OURS = Guess(bytes(32), "192.0.2.1/32")


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """One transaction: its now() stands still."""
    with psycopg.connect(database_url) as connection:
        yield connection


def test_who_waited_for_another_attempt_is_admitted(connection: Connection) -> None:
    """An attempt that was counted after ours began, and before ours was, costs no time."""
    assert begin_guess(connection, OURS) == 0
    connection.execute("UPDATE guesses SET last_at = now() + %s", (dt.timedelta(milliseconds=3),))
    assert seconds_to_wait(connection, OURS) <= 0
    assert begin_guess(connection, OURS) == 0
