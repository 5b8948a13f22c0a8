"""What one has bought: a list on the account page, and receipts that open in a tab of their own."""

import re

import pytest
from playwright.sync_api import APIRequestContext, Locator, Page, expect

from tests.browser.accessibility import expect_fit
from tests.browser.daemons import KEY, Daemon
from tests.browser.people import Person
from tests.browser.visits import Visit, Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

# Each is a page load; the message takes less than a second.
LOOKS = 20
UNAVAILABLE = {
    "error": {
        "code": "payments_unavailable",
        "message": "Payments can't be reached right now. Try again shortly.",
    }
}


def buyer(visits: Visits, shop: Daemon, person: Person) -> tuple[Visit, str]:
    """Somebody on the page that they return to after paying, and the purchase that it is about."""
    visit = visits.begin(shop)
    page = visit.sign_in(person)
    page.get_by_role("button", name=re.compile("Buy 500 minutes")).click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_text("500 minutes were added.")).to_be_visible()
    found = re.search(r"session_id=([\w-]+)", page.url)
    assert found
    return visit, found[1]


def bought(page: Page) -> Locator:
    """The rows of the list."""
    return page.get_by_role("region", name="Purchases").get_by_role("listitem")


def test_a_receipt(visits: Visits, shop: Daemon, person: Person) -> None:
    """It is there right after paying, and in the list from then on."""
    visit, _ = buyer(visits, shop, person)
    with visit.context.expect_page() as opened:
        visit.page.get_by_role("button", name="Receipt").click()
    expect(opened.value.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(opened.value.get_by_text("5.99 USD")).to_be_visible()
    page = visit.open("/account")
    expect(bought(page)).to_have_count(1)
    expect(bought(page)).to_contain_text("500 minutes for $5.99")
    expect(bought(page)).to_contain_text("Paid")
    expect_fit(page)
    with visit.context.expect_page() as opened:
        bought(page).get_by_role("button", name=re.compile("Receipt of 500 minutes")).click()
    expect(opened.value.get_by_role("heading", name="Receipt")).to_be_visible()


def test_a_refund_shows(
    visits: Visits, shop: Daemon, person: Person, caller: APIRequestContext
) -> None:
    """What was given back is said with the purchase."""
    visit, session_id = buyer(visits, shop, person)
    stripe, headers = shop.elsewhere[0], {"Authorization": f"Bearer {KEY}"}
    session = caller.get(f"{stripe}/v1/checkout/sessions/{session_id}", headers=headers).json()
    form = {"payment_intent": session["payment_intent"]}
    assert caller.post(f"{stripe}/v1/refunds", headers=headers, form=form).ok

    # Stripe's message is worked on in the background.
    for _ in range(LOOKS):
        row = bought(visit.open("/account"))
        expect(row).to_have_count(1)
        if "refunded" in row.inner_text():
            return
    raise AssertionError("the refund was never shown")


def test_what_is_not_paid_has_no_receipt(visits: Visits, shop: Daemon, person: Person) -> None:
    """A purchase that was begun is listed as what it is."""
    visit = visits.begin(shop)
    page = visit.sign_in(person)
    page.get_by_role("button", name=re.compile("Buy 500 minutes")).click()
    expect(page.get_by_role("button", name="Pay", exact=True)).to_be_visible()
    page = visit.open("/account")
    expect(bought(page)).to_contain_text("Not settled yet")
    expect(bought(page).get_by_role("button")).to_have_count(0)


def test_a_receipt_that_can_not_be_had(visits: Visits, shop: Daemon, person: Person) -> None:
    """The reason stands above the list, and no empty tab is left."""
    visit, _ = buyer(visits, shop, person)
    page = visit.open("/account")
    page.route("**/receipt", lambda route: route.fulfill(status=503, json=UNAVAILABLE))
    bought(page).get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("Payments can't be reached right now.")
    visit.guard.expect("503")
    visit.expect_no_other_tab()


def test_nothing_bought(visits: Visits, shop: Daemon, person: Person) -> None:
    """The list says that there is nothing, and what will be there."""
    visit = visits.begin(shop)
    visit.sign_in(person)
    expect(visit.open("/account").get_by_text("You have not bought anything yet.")).to_be_visible()


def test_where_nothing_is_sold(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """There is no list of what can't be bought."""
    visit = visits.begin(closed_shop)
    visit.sign_in(person)
    page = visit.open("/account")
    expect(page.get_by_text(person.email)).to_be_visible()
    expect(page.get_by_role("region", name="Purchases")).to_be_hidden()
