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
    code, out, _ = relayd("queue", "--metrics")
    assert code == Exit.OK
    lines = out.splitlines()
    gauges = dict(line.split() for line in lines if not line.startswith("#"))
    assert gauges["relayd_queue_queued"] == "2"
    assert float(gauges["relayd_queue_waiting_seconds"]) == told["waiting_seconds"]
    assert len(gauges) == len(told)
    # Each is told what it is, and that it may fall.
    assert [line.split()[:3:2] for line in lines[::3]] == [["#", name] for name in gauges]
    assert [line.split()[1:] for line in lines[1::3]] == [
        ["TYPE", name, "gauge"] for name in gauges
    ]
    code, out, _ = relayd("queue")
    assert code == Exit.OK
    assert "WAITING_SECONDS" in out
