"""Accounts for tests, each test its own, made through the daemon's own routes."""

from typing import Final
from uuid import UUID, uuid4

import attrs
import psycopg
from playwright.sync_api import APIRequestContext

from relayd.ledger import balances
from relayd.ledger.balances import Entry
from relayd.ledger.outcomes import Booked

__all__ = ["PASSWORD", "Person", "grant", "register"]

PASSWORD: Final = "correct horse battery"


@attrs.frozen
class Person:
    """An account."""

    user_id: UUID
    email: str
    password: str


def new_email() -> str:
    """An address that nobody has."""
    return f"ada-{uuid4().hex[:12]}@example.org"


def register(caller: APIRequestContext, url: str, password: str = PASSWORD) -> Person:
    """Make an account."""
    email = new_email()
    answer = caller.post(f"{url}/auth/register", data={"email": email, "password": password})
    assert answer.status == 201, answer.text()
    return Person(UUID(answer.json()["user"]["id"]), email, password)


def grant(database_url: str, person: Person, seconds: int) -> None:
    """Give credit, as `relayd credit grant` does."""
    entry = Entry(person.user_id, "grant", str(uuid4()), seconds * 1000, "for a test")
    with psycopg.connect(database_url) as connection:
        assert isinstance(balances.book(connection, entry), Booked)
