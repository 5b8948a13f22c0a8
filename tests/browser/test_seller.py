"""Who sells, under what terms, and whom to ask: from the configuration onto the pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.accessibility import expect_fit
from tests.browser.daemons import Daemon, open_shop
from tests.browser.people import Person
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

TERMS, PRIVACY, CONTACT = "https://a.example/terms", "https://a.example/privacy", "help@a.example"


@pytest.fixture(scope="module")
def named_shop(shared_database_url: str, engine: dict[str, str]) -> Iterator[Daemon]:
    """A shop whose seller says everything."""
    seller = {
        "RELAYD_SELLER__NAME": "Ada & Co",
        "RELAYD_SELLER__CONTACT": CONTACT,
        "RELAYD_SELLER__TERMS_URL": TERMS,
        "RELAYD_SELLER__PRIVACY_URL": PRIVACY,
    }
    with open_shop(shared_database_url, **engine, **seller) as serving:
        yield serving


def expect_named(place: Locator) -> None:
    """The seller's name and the three links."""
    expect(place).to_contain_text("Ada & Co")
    for words, href in (("Terms", TERMS), ("Privacy", PRIVACY), ("Contact", f"mailto:{CONTACT}")):
        expect(place.get_by_role("link", name=words)).to_have_attribute("href", href)


def test_where_it_is_sold(visits: Visits, named_shop: Daemon, person: Person) -> None:
    """Beside the prices, beside the packages, and below every page."""
    visit = visits.begin(named_shop)
    page = visit.open()
    expect_named(page.get_by_role("region", name="Prices"))
    expect_named(page.get_by_role("contentinfo"))
    expect_fit(page)
    page = visit.sign_in(person)
    expect_named(page.get_by_role("region", name="Buy minutes"))
    expect_named(page.get_by_role("contentinfo"))
    expect_fit(page)


def test_where_one_registers(visits: Visits, named_shop: Daemon) -> None:
    """One sees what one accepts before one does."""
    page = visits.begin(named_shop).open("/register")
    expect(page.get_by_text("By creating an account you accept")).to_be_visible()
    expect(page.get_by_role("link", name="the terms")).to_have_attribute("href", TERMS)
    expect(page.get_by_role("link", name="the privacy notice")).to_have_attribute("href", PRIVACY)
    expect_fit(page)


def test_a_forgotten_password(visits: Visits, named_shop: Daemon, shop: Daemon) -> None:
    """The page to sign in says whom to ask, as far as it knows."""
    page = visits.begin(named_shop).open("/signin")
    expect(page.get_by_text("Forgotten the password?")).to_contain_text(f"Ask Ada & Co ({CONTACT})")
    expect(page.get_by_role("link", name="Ada & Co")).to_have_attribute("href", f"mailto:{CONTACT}")
    expect_fit(page)
    other = visits.begin(shop).open("/signin")
    expect(other.get_by_text("Forgotten the password?")).to_contain_text("whoever runs this server")
    expect(other.get_by_role("link", name="Terms")).to_have_count(0)
