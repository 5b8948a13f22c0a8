"""Databases in numbers, for tests of payments that play many histories."""

from collections.abc import Callable, Iterator

import pytest

from tests.fixtures.databases import Databases

__all__ = ["new_database"]


@pytest.fixture(scope="module")
def new_database(databases: Databases) -> Iterator[Callable[[], str]]:
    """Another migrated database at each call, until the end of the module."""
    taken: list[str] = []

    def take() -> str:
        taken.append(databases.take())
        return taken[-1]

    yield take
    for url in taken:
        databases.give_back(url)
