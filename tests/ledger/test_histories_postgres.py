"""The same histories on the fake and on PostgreSQL, compared after every step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from relayd.database.ports import Connection
from relayd.ledger.audit import audit
from tests.ledger.history import History, outcome_of
from tests.ledger.store import Store

pytestmark = pytest.mark.system

# More than 200 with --long, and a part of them in every run.
_HISTORIES: Final = (100, pytest.param(250, marks=pytest.mark.long))


class ComparedHistory(History):
    """Plays every transaction on both; answers and rows must be the same."""

    connection: ClassVar[Connection]

    def play(self, name: str, *arguments: Any) -> Any:
        """One transaction, twice."""
        expected = super().play(name, *arguments)
        answer = outcome_of(getattr(Store(self.connection), name), *arguments)
        assert answer == expected, name
        return answer

    @invariant()
    def same_rows(self) -> None:
        """What is recorded is the same."""
        user_id = self.who.user_id
        sessions = sorted(  # by id
            (
                session_id,
                one.used_ms,
                one.held_total_ms,
                one.hungry_since is not None,
                one.end_reason,
                one.reported_ms,
            )
            for session_id, one in self.books.sessions.items()
        )
        entries = [(one.kind, one.key, one.amount_ms) for one in self.books.entries]
        reservations = sorted(
            (one.asked.id, one.asked.amount_ms, one.charged_ms)
            for one in self.books.reservations.values()
        )
        assert Store(self.connection).state(user_id) == (
            self.books.balance(user_id),
            sessions,
            entries,
            reservations,
            self.books.lots_of(user_id),
        )


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """One connection for all histories; each has a user of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        # The histories are about values; that a commit lasts is shown elsewhere.
        connection.execute("SET synchronous_commit = off")
        yield connection


@pytest.mark.parametrize("histories", _HISTORIES)
def test_no_difference_in_any_history(database_url: str, histories: int) -> None:
    """Whatever happens, in any order, PostgreSQL and the fake say and record the same."""
    with connected(database_url) as connection:
        ComparedHistory.connection = connection
        run_state_machine_as_test(
            ComparedHistory,
            settings=settings(
                max_examples=histories,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        with connection.transaction():
            assert audit(connection) == ()
            users = connection.execute("SELECT count(*) FROM credit_balance").fetchone()
        assert users is not None
        assert users[0] >= histories * 0.8
