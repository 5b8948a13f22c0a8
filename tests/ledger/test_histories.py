"""Thousands of histories of one user's credit on the fake, each step checked."""

from hypothesis import HealthCheck, settings

from tests.ledger.history import History

TestHistories = History.TestCase
TestHistories.settings = settings(
    max_examples=2000, stateful_step_count=15, suppress_health_check=[HealthCheck.too_slow]
)
