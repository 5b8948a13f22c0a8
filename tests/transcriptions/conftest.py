"""A queue of this test's own, as in the tests of jobs."""

from tests.jobs.conftest import queue

__all__ = ["queue"]
