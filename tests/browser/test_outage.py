"""A daemon that goes away while somebody looks, and comes back."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import figure
from tests.browser.daemons import open_daemon
from tests.browser.people import Person, grant
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

BANNER = "The server can't be reached. What you see may be old."


def test_the_dashboard_survives_a_restart(
    visits: Visits, shared_database_url: str, person: Person
) -> None:
    """The page says that the server is away, and by itself that it is back, with new figures."""
    with open_daemon(shared_database_url) as serving:
        visit = visits.begin(serving)
        page = visit.sign_in(person)
        expect(figure(page)).to_have_text("0 minutes and 0 seconds")
        serving.stop()
        expect(page.get_by_text(BANNER)).to_be_visible()
        grant(shared_database_url, person, 600)
        serving.start()
        expect(page.get_by_text(BANNER)).to_be_hidden()
        expect(figure(page)).to_have_text("10 minutes and 0 seconds")
        visit.guard.allow("net::ERR_")
        visit.guard.allow(f"503 () ({serving.url}/account/events)")


def test_a_page_that_is_opened_meanwhile(
    visits: Visits, shared_database_url: str, person: Person
) -> None:
    """A page that can't ask who one is says so, and is there after another try."""
    with open_daemon(shared_database_url) as serving:
        visit = visits.begin(serving)
        page = visit.sign_in(person)
        page.get_by_role("link", name="Account").click()
        expect(page.get_by_text(person.email)).to_be_visible()
        serving.stop()
        page.get_by_role("link", name="Dashboard").click()
        expect(page.get_by_text(BANNER)).to_be_visible()
        expect_fit(page)
        button = page.get_by_role("button", name="Try now").element_handle()
        serving.start()
        # Through the element: the page also tries by itself, and then the button is hidden.
        button.evaluate("button => button.click()")
        expect(figure(page)).to_have_text("0 minutes and 0 seconds")
        expect(page.get_by_text(BANNER)).to_be_hidden()
        visit.guard.allow("net::ERR_")
        visit.guard.allow(f"503 () ({serving.url}/account/events)")
