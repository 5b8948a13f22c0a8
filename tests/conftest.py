"""What holds for every test: no undeclared ERROR in the log, one Hypothesis profile, and `--long`.

Without it, the longest histories and explorations are a fair part of themselves.
"""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# The real PostgreSQL, started for the first test that asks for one.
pytest_plugins = ["tests.fixtures.postgres"]

# No deadline: two busy cores would make a slow example look like a failure. CI repeats itself
# exactly; elsewhere every run tries new examples.
BUSY = [HealthCheck.too_slow]
settings.register_profile("dev", deadline=None, suppress_health_check=BUSY)
settings.register_profile(
    "ci", deadline=None, suppress_health_check=BUSY, derandomize=True, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--long``."""
    parser.addoption(
        "--long", action="store_true", help="histories and explorations in full, some minutes more"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked ``long``, where that isn't asked for."""
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


class DeclaredErrors(logging.Handler):
    """Collects the events logged at ERROR or above; a test declares those that it means."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.events: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it for the end of the test."""
        self.events.append(record.getMessage())

    def expect(self, event: str) -> None:
        """Declare one event that was logged: its message begins with this text."""
        matching = [one for one in self.events if one.startswith(event)]
        assert matching, f"{event!r} was not logged at ERROR, but {self.events}"
        self.events.remove(matching[0])

    def expect_any(self, event: str) -> None:
        """Declare an event that may be logged any number of times, or not at all."""
        self.events = [one for one in self.events if not one.startswith(event)]


@pytest.fixture(autouse=True)
def declared_errors() -> Iterator[DeclaredErrors]:
    """Fail a test that logged an ERROR (a human should look) which it did not declare.

    A test that means one: ``declared_errors.expect("ledger unreachable")``, after it happened.
    Commands that a test runs in this process configure the log; the next test finds it as it was.
    """
    handler = DeclaredErrors()
    root = logging.getLogger()
    handlers = root.handlers[:]
    levels = [(one, one.level) for one in (root, logging.getLogger("hypercorn"))]
    root.addHandler(handler)
    yield handler
    root.handlers[:] = handlers
    for logger, level in levels:
        logger.setLevel(level)
    assert not handler.events, f"undeclared errors in the log: {handler.events}"
