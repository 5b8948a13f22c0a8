"""Thousands of histories of one user's credit on the fake, each step checked."""

from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.ledger.history import History

# 2,000 with --long, and a part of them in every run.
_HISTORIES: Final = (600, pytest.param(2000, marks=pytest.mark.long))


@pytest.mark.parametrize("histories", _HISTORIES)
def test_every_history_balances(histories: int) -> None:
    """Whatever happens, in any order, every identity holds after each step."""
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=histories,
            stateful_step_count=15,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
