"""Buying minutes: from the button to the minutes, whatever the bank does on the way."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import APIRequestContext, Page, expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import figure
from tests.browser.daemons import Daemon
from tests.browser.people import Person, register
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

BOUGHT = "500 minutes and 0 seconds"
NOTHING = "0 minutes and 0 seconds"
# What somebody who has paid waits at most when Stripe's message was lost.
RETURN_MS = 3000


def buy(page: Page) -> None:
    """Choose the smallest pack and be on the hosted page."""
    page.get_by_role("button", name=re.compile("Buy 500 minutes")).click()
    expect(page.get_by_role("button", name="Pay", exact=True)).to_be_visible()


def pay_later(page: Page) -> None:
    """Pay in a way that takes its time, and come back."""
    buy(page)
    page.get_by_role("button", name="Pay later").click()
    page.get_by_role("link", name="Return to the shop").click()
    expect(page.get_by_text("Not settled yet")).to_be_visible()


@contextmanager
def no_webhooks(caller: APIRequestContext, shop: Daemon) -> Iterator[None]:
    """Every event is lost."""
    url = f"{shop.elsewhere[0]}/control/delivery"
    caller.post(url, data={"manner": "never"})
    try:
        yield
    finally:
        caller.post(url, data={"manner": "once"})


def test_a_purchase_shows_in_every_tab(visits: Visits, shop: Daemon, person: Person) -> None:
    """The figure rises without a reload where somebody looks at it while another tab pays."""
    visit = visits.begin(shop)
    watching = visit.sign_in(person)
    expect(figure(watching)).to_have_text(NOTHING)
    watching.evaluate("window.same = true")
    paying = visit.another_page()
    paying.goto(f"{shop.url}/dashboard")
    buy(paying)
    paying.get_by_role("button", name="Pay", exact=True).click()
    expect(paying.get_by_text("500 minutes were added.")).to_be_visible()
    expect_fit(paying)
    expect(figure(watching)).to_have_text(BOUGHT)
    assert watching.evaluate("window.same")
    paying.get_by_role("link", name="To the dashboard").click()
    expect(figure(paying)).to_have_text(BOUGHT)


def test_a_lost_webhook(
    visits: Visits, shop: Daemon, person: Person, caller: APIRequestContext
) -> None:
    """The page that one returns to finds out by itself, within three seconds."""
    page = visits.begin(shop).sign_in(person)
    with no_webhooks(caller, shop):
        buy(page)
        page.get_by_role("button", name="Pay", exact=True).click()
        page.wait_for_url("**/billing/success**")
        expect(page.get_by_text("500 minutes were added.")).to_be_visible(timeout=RETURN_MS)
    page.get_by_role("link", name="To the dashboard").click()
    expect(figure(page)).to_have_text(BOUGHT)


def test_a_payment_that_comes_later(visits: Visits, shop: Daemon, person: Person) -> None:
    """The page says that nothing is settled, and changes its mind when the bank has paid."""
    visit = visits.begin(shop)
    page = visit.sign_in(person)
    pay_later(page)
    expect_fit(page)
    bank = visit.another_page()
    bank.goto(f"{shop.elsewhere[0]}/pay/{session_id(page)}/bank")
    bank.get_by_role("button", name="Payment succeeds").click()
    expect(page.get_by_text("500 minutes were added.")).to_be_visible()
    page.get_by_role("link", name="To the dashboard").click()
    expect(figure(page)).to_have_text(BOUGHT)


def test_a_payment_that_fails_later(visits: Visits, shop: Daemon, person: Person) -> None:
    """The page says so, and nothing was added."""
    visit = visits.begin(shop)
    page = visit.sign_in(person)
    pay_later(page)
    bank = visit.another_page()
    bank.goto(f"{shop.elsewhere[0]}/pay/{session_id(page)}/bank")
    bank.get_by_role("button", name="Payment fails").click()
    expect(page.get_by_text("The payment failed")).to_be_visible()
    expect_fit(page)
    page.get_by_role("link", name="To the dashboard").click()
    expect(figure(page)).to_have_text(NOTHING)


def test_a_payment_that_is_given_up(visits: Visits, shop: Daemon, person: Person) -> None:
    """Coming back without having paid is told as what it is, and leads to the dashboard."""
    page = visits.begin(shop).sign_in(person)
    buy(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Nothing was bought")).to_be_visible()
    page.get_by_role("link", name="To the dashboard").click()
    expect(figure(page)).to_have_text(NOTHING)


def test_somebody_elses_purchase(
    visits: Visits, shop: Daemon, person: Person, caller: APIRequestContext
) -> None:
    """The address of a purchase tells others nothing about it."""
    page = visits.begin(shop).sign_in(person)
    buy(page)
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_text("500 minutes were added.")).to_be_visible()
    other = visits.begin(shop)
    other.sign_in(register(caller, shop.url))
    other.open(page.url.removeprefix(shop.url))
    expect(other.page.get_by_text("This account has no such purchase.")).to_be_visible()
    other.guard.expect("404")


def test_a_server_that_sells_nothing(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Where there is no Stripe key the dashboard says so in place of packages."""
    page = visits.begin(closed_shop).sign_in(person)
    expect(page.get_by_text("Sales are off")).to_be_visible()
    expect(page.get_by_role("button", name="Buy")).to_have_count(0)


def session_id(page: Page) -> str:
    """The purchase that the page is about."""
    found = re.search(r"session_id=([\w-]+)", page.url)
    assert found
    return found[1]
