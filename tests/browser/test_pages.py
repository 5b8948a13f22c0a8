"""Every page by itself: readable by everybody, in both themes, on a phone and on a desk; light."""

from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import figure, sessions
from tests.browser.daemons import Daemon
from tests.browser.people import Person
from tests.browser.visits import Visits
from tests.browser.weight import Weight

pytestmark = [pytest.mark.system, pytest.mark.browser]

FIRST_LOAD_BYTES: Final = 150_000

# Of each page what is there once it has loaded.
PUBLIC: Final = {
    "/": "Prices",
    "/signin": "Sign in",
    "/register": "Create an account",
    "/billing/cancel": "Nothing was bought",
}
OF_MEMBERS: Final = {
    "/dashboard": "Last sessions",
    "/keys": "Your keys",
    "/account": "Who you are",
    "/billing/success?session_id=cs_test_none": "Your purchase",
}


@pytest.mark.parametrize(("path", "heading"), PUBLIC.items(), ids=PUBLIC.keys())
def test_a_public_page(visits: Visits, shop: Daemon, path: str, heading: str) -> None:
    """A page that everybody sees is fit for everybody."""
    page = visits.begin(shop).open(path)
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect_fit(page)


@pytest.mark.parametrize(("path", "heading"), OF_MEMBERS.items(), ids=OF_MEMBERS.keys())
def test_a_page_of_members(
    visits: Visits, shop: Daemon, member: Person, path: str, heading: str
) -> None:
    """So is one that needs a sign-in, with a month of use to show."""
    visit = visits.begin(shop)
    visit.sign_in(member)
    page = visit.open(path)
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect_fit(page)
    visit.guard.allow("404")  # there is no such purchase


def test_the_empty_dashboard(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """So is what somebody sees who has just come, where nothing is sold."""
    page = visits.begin(closed_shop).sign_in(person)
    expect(page.get_by_text("You have not talked yet.")).to_be_visible()
    expect(page.get_by_text("Sales are off")).to_be_visible()
    expect_fit(page)


def test_an_address_where_nothing_is(visits: Visits, closed_shop: Daemon) -> None:
    """It is a page like the others, with a way back."""
    visit = visits.begin(closed_shop)
    page = visit.open("/no/such/page")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect_fit(page)
    visit.guard.expect("404")


def test_the_keyboard_is_enough(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Signing in needs no mouse, and the first stop skips the header."""
    page = visits.begin(closed_shop).open("/signin")
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    press("Enter")
    press("Tab")
    expect(page.get_by_label("Email address")).to_be_focused()
    page.keyboard.type(person.email)
    press("Tab")
    page.keyboard.type(person.password)
    press("Enter")
    expect(page.get_by_role("heading", name="Dashboard")).to_be_focused()


def test_the_first_load_of_the_dashboard_is_light(
    visits: Visits, shop: Daemon, member: Person
) -> None:
    """With nothing cached and a month to show, all of it is 150 KB at most."""
    visit = visits.begin(shop)
    visit.sign_in(member)
    page = visit.another_page()
    weight = Weight()
    weight.watch(page)
    page.goto(f"{shop.url}/dashboard")
    expect(figure(page)).not_to_have_text("Loading…")
    expect(sessions(page)).not_to_have_count(0)
    expect(page.get_by_role("button", name="Buy").first).to_be_visible()
    assert f"{shop.url}/dashboard" in weight.by_url
    assert weight.total_bytes <= FIRST_LOAD_BYTES, weight.by_url
