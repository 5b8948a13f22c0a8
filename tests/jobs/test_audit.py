"""The audit finds lanes that don't count their jobs, and jobs that don't hold what they cost."""

from typing import LiteralString

import psycopg
import pytest

from relayd.ledger.audit import RULES
from tests.jobs.queueing import Queue

pytestmark = pytest.mark.system

(LANE,) = [rule for rule in RULES if rule.startswith("a lane counts")]
(JOB,) = [rule for rule in RULES if rule.startswith("a job holds")]


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE lanes SET queued = queued + 1", {LANE}),
        ("UPDATE lanes SET queued_ms = queued_ms + 1", {LANE}),
        ("UPDATE lanes SET delayed = delayed + 1", {LANE}),
        ("UPDATE lanes SET running = running - 1", {LANE}),
        ("DELETE FROM lanes", {LANE}),
        ("UPDATE transcriptions SET hold_ms = hold_ms + 1 WHERE state = 'queued'", {JOB}),
        ("UPDATE transcriptions SET charged_ms = charged_ms - 1 WHERE state = 'done'", {JOB}),
        ("UPDATE transcriptions SET measured_ms = measured_ms + 1 WHERE state = 'queued'", {LANE}),
        ("UPDATE transcriptions SET id = gen_random_uuid() WHERE state = 'running'", {JOB}),
    ],
)
def test_finds_what_is_broken(queue: Queue, statement: LiteralString, broken: set[str]) -> None:
    """Each is found, and nothing else."""
    user_id = queue.user()
    for _ in range(3):
        queue.submitted(user_id)
    done = queue.claim(queue.worker())
    assert done is not None
    queue.finish(done)
    assert queue.claim(queue.worker())
    queue.check()

    with queue.connection.transaction() as nested:
        queue.connection.execute(statement)
        rows = {rule: queue.connection.execute(RULES[rule]).fetchall() for rule in RULES}
        assert {rule for rule, found in rows.items() if found} == broken
        raise psycopg.Rollback(nested)
