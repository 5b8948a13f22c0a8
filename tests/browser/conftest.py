"""The browser, and the programs it meets: daemons, the stand-in engine, the stand-in Stripe.

They serve all tests of this directory; every test has its own browser context and accounts.
Package scope, not session: Playwright's loop should not outlive the tests that use it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import APIRequestContext, Browser, Playwright, sync_playwright
from psycopg import sql

from relayd.database import migrate
from tests.browser import chromium, people
from tests.browser.daemons import Daemon, deepgram, open_daemon, open_shop
from tests.browser.past import give_past
from tests.browser.people import Person
from tests.browser.visits import Visits


@pytest.fixture(scope="package")
def chromium_path() -> Path:
    """Where Chromium is. Without one: skipped on a developer's machine, failed in CI."""
    path = chromium.find()
    if path is None:
        told = "no Chromium found: apt-get install chromium, or name one in RELAYD_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    return path


@pytest.fixture(scope="package")
def playwright(chromium_path: Path) -> Iterator[Playwright]:
    """Playwright's driver."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="package")
def browser(playwright: Playwright, chromium_path: Path) -> Iterator[Browser]:
    """Chromium, running."""
    with playwright.chromium.launch(
        executable_path=chromium_path, args=chromium.flags()
    ) as launched:
        yield launched


@pytest.fixture(scope="package")
def caller(playwright: Playwright) -> Iterator[APIRequestContext]:
    """HTTP without a browser."""
    context = playwright.request.new_context()
    yield context
    context.dispose()


@pytest.fixture(scope="package")
def shared_database_url(postgres_server_url: str) -> Iterator[str]:
    """A database for the daemons of these tests."""
    name = f"relayd_browser_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = urlsplit(postgres_server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(url) as connection:
        migrate.apply(connection)
    yield url
    with psycopg.connect(postgres_server_url, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="package")
def engine(chromium_path: Path) -> Iterator[dict[str, str]]:
    """The stand-in engine, whose words are known."""
    with deepgram() as settings:
        yield settings


@pytest.fixture(scope="package")
def shop(
    caller: APIRequestContext, engine: dict[str, str], shared_database_url: str
) -> Iterator[Daemon]:
    """A daemon of two processes that sells, with a stand-in Stripe that delivers at once."""
    with open_shop(shared_database_url, RELAYD_SERVER__PROCESSES="2", **engine) as serving:
        webhook = {"url": f"{serving.url}/webhooks/stripe"}
        caller.post(f"{serving.elsewhere[0]}/control/webhook", data=webhook)
        yield serving


@pytest.fixture(scope="package")
def closed_shop(chromium_path: Path, shared_database_url: str) -> Iterator[Daemon]:
    """A daemon without a Stripe key, and with the local engine, which really listens."""
    with open_daemon(shared_database_url) as serving:
        yield serving


@pytest.fixture
def person(caller: APIRequestContext, closed_shop: Daemon) -> Person:
    """Somebody with an account and without credit."""
    return people.register(caller, closed_shop.url)


@pytest.fixture
def visits(browser: Browser) -> Iterator[Visits]:
    """Browsers of one's own on a daemon, closed and judged at last."""
    opened = Visits(browser)
    yield opened
    opened.end()


@pytest.fixture
def member(shared_database_url: str, person: Person) -> Person:
    """Somebody who has talked on most days of the last month."""
    give_past(shared_database_url, person)
    return person
