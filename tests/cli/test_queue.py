"""`relayd queue`: what an autoscaler reads."""

import psycopg
import pytest

from relayd.cli.toolkit.exits import Exit
from tests.cli.commands import Command, answered
from tests.jobs.queueing import Queue

pytestmark = pytest.mark.system


def test_what_waits(relayd: Command, database_url: str) -> None:
    """All that waits and runs, in a line for people and in JSON for programs."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        queue = Queue(connection)
        user_id = queue.user()
        for _ in range(3):
            queue.submitted(user_id)
        waiting_ms = sum(
            row[0] for row in connection.execute("SELECT measured_ms FROM transcriptions")
        )
        assert queue.claim(queue.worker()) is not None

    told = answered(relayd("queue", "--json"))
    assert (told["queued"], told["running"], told["users_waiting"]) == (2, 1, 1)
    assert told["waiting_seconds"] == waiting_ms * 2 / 3 / 1000
    assert told["oldest_seconds"] > 0
    code, out, _ = relayd("queue")
    assert code == Exit.OK
    assert "WAITING_SECONDS" in out
