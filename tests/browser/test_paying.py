"""Buying minutes: from the button to the minutes, whatever the bank does on the way."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import APIRequestContext, Page, expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import figure, talk_notice, talk_state, words
from tests.browser.daemons import WORDS, Daemon
from tests.browser.people import Person, grant, register
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

BOUGHT = "500 minutes and 0 seconds"
NOTHING = "0 minutes and 0 seconds"
UNAVAILABLE = {
    "error": {
        "code": "payments_unavailable",
        "message": "Payments can't be reached right now. Nothing was charged; try again shortly.",
    }
}
# What somebody who has paid waits at most when Stripe's message was lost.
RETURN_MS = 3000


def buy(page: Page) -> None:
    """Choose the smallest pack and be on the hosted page."""
    page.get_by_role("button", name=re.compile("Buy 500 minutes")).click()
    expect(page.get_by_role("button", name="Pay", exact=True)).to_be_visible()


def order(caller: APIRequestContext, shop: Daemon, person: Person) -> str:
    """Begin a purchase as an app does; the address that it opens in a browser."""
    signed_in = caller.post(
        f"{shop.url}/auth/login", data={"email": person.email, "password": person.password}
    ).json()
    answer = caller.post(
        f"{shop.url}/billing/checkout",
        headers={"Authorization": f"Bearer {signed_in['token']}"},
        data={"package_id": "pack_500"},
    )
    assert answer.ok, answer.text()
    return str(answer.json()["checkout_url"])


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
    expect(paying.get_by_text("500 minutes were added. You have 500 minutes now.")).to_be_visible()
    expect_fit(paying)
    expect(figure(watching)).to_have_text(BOUGHT)
    assert watching.evaluate("window.same")
    paying.get_by_role("link", name="To the dashboard").click()
    expect(figure(paying)).to_have_text(BOUGHT)


def test_buying_beside_a_talk(visits: Visits, shop: Daemon, person: Person) -> None:
    """The payment page is a tab of its own; the talk goes on, and the minutes come in live."""
    grant(shop.database_url, person, 12)
    visit = visits.begin(shop, talks=True)
    page = visit.sign_in(person)
    page.get_by_role("button", name="Start").click()
    expect(talk_notice(page)).to_contain_text("Buy minutes now and you can go on talking.")
    expect(page.get_by_text("The payment page opens in a new tab.")).to_be_visible()
    with visit.context.expect_page() as beside:
        page.get_by_role("button", name=re.compile("Buy 500 minutes")).click()
    paying = beside.value
    paying.get_by_role("button", name="Pay", exact=True).click()
    expect(paying.get_by_text("500 minutes were added.")).to_be_visible()
    expect(paying.get_by_text("Your talk goes on in the other tab.")).to_be_visible()
    expect_fit(paying)
    expect(figure(page)).to_have_text(re.compile("^500 minutes"))
    expect(talk_notice(page)).to_be_hidden()
    # Beyond what there was before the purchase.
    expect(page.get_by_role("timer", name="Time heard")).to_have_text("0:14", timeout=30_000)
    expect(words(page)).to_contain_text(" ".join(WORDS[:8]))
    page.get_by_role("button", name="Stop").click()
    expect(talk_state(page)).to_have_text(re.compile(r"^Finished: 1\d s used\.$"))


def test_a_browser_that_opens_no_tabs(visits: Visits, shop: Daemon, person: Person) -> None:
    """Beside a talk there is a link then, and the talk goes on all the same."""
    grant(shop.database_url, person, 600)
    visit = visits.begin(shop, talks=True)
    page = visit.sign_in(person)
    page.evaluate("window.open = () => null")
    page.get_by_role("button", name="Start").click()
    expect(words(page)).to_contain_text(WORDS[0])
    page.get_by_role("button", name=re.compile("Buy 500 minutes")).click()
    with visit.context.expect_page() as beside:
        page.get_by_role("link", name="Open the payment page").click()
    expect(beside.value.get_by_role("button", name="Pay", exact=True)).to_be_visible()
    expect(talk_state(page)).to_have_text("Listening. Speak now.")


def test_a_purchase_that_is_refused_beside_a_talk(
    visits: Visits, shop: Daemon, person: Person, caller: APIRequestContext
) -> None:
    """No empty tab is left, and the reason stands beside the button."""
    grant(shop.database_url, person, 600)
    visit = visits.begin(shop, talks=True)
    page = visit.sign_in(person)
    page.get_by_role("button", name="Start").click()
    expect(words(page)).to_contain_text(WORDS[0])
    page.route("**/billing/checkout", lambda route: route.fulfill(status=503, json=UNAVAILABLE))
    button = page.get_by_role("button", name=re.compile("Buy 500 minutes"))
    button.click()
    expect(page.get_by_text("Payments can't be reached right now.")).to_be_visible()
    expect(button).to_be_focused()
    visit.guard.expect("503")
    visit.expect_no_other_tab()


def test_prices_are_said_plainly(visits: Visits, shop: Daemon, person: Person) -> None:
    """Each offer is a sentence, and its button says what it does."""
    page = visits.begin(shop).sign_in(person)
    offers = page.get_by_role("region", name="Buy minutes").get_by_role("listitem")
    expect(offers).to_have_count(3)
    assert [one.text_content() for one in offers.all()] == [
        "500 minutes for $5.99, 1.2\xa0¢ a minuteBuy",
        "1,200 minutes for $12.99, 1.1\xa0¢ a minuteBuy",
        "3,000 minutes for $29.99, 1\xa0¢ a minuteBuy",
    ]


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


def test_a_buyer_from_an_app(
    visits: Visits, shop: Daemon, person: Person, caller: APIRequestContext
) -> None:
    """In a browser that knows nobody the page thanks, says what was bought, and who has it."""
    page = visits.begin(shop).page
    page.goto(order(caller, shop, person))
    with no_webhooks(caller, shop):
        page.get_by_role("button", name="Pay", exact=True).click()
        page.wait_for_url("**/billing/success**")
        expect(page.get_by_text("Thank you for buying 500 minutes.")).to_be_visible()
    expect(page.get_by_text("Your app has them already")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="To the dashboard")).to_be_hidden()
    expect(page.get_by_role("button", name="Receipt")).to_be_hidden()
    expect_fit(page)


def test_a_buyer_from_an_app_who_pays_later(
    visits: Visits, shop: Daemon, person: Person, caller: APIRequestContext
) -> None:
    """The page looks again by itself, says so, and says when the app has the minutes."""
    visit = visits.begin(shop)
    page = visit.page
    page.goto(order(caller, shop, person))
    page.get_by_role("button", name="Pay later").click()
    page.get_by_role("link", name="Return to the shop").click()
    expect(page.get_by_text("This page looks again for a minute.")).to_be_visible()
    expect_fit(page)
    bank = visit.another_page()
    bank.goto(f"{shop.elsewhere[0]}/pay/{session_id(page)}/bank")
    bank.get_by_role("button", name="Payment succeeds").click()
    expect(page.get_by_text("Your app has them already")).to_be_visible()


def test_a_buyer_from_an_app_who_pays_nothing(
    visits: Visits, shop: Daemon, person: Person, caller: APIRequestContext
) -> None:
    """Nothing was charged, and the way back is to the app."""
    visit = visits.begin(shop)
    page = visit.page
    page.goto(order(caller, shop, person))
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Nothing was bought")).to_be_visible()
    expect(page.get_by_text("go back to your app")).to_be_visible()
    expect(page.get_by_role("link", name="To the dashboard")).to_be_hidden()
    expect_fit(page)
    visit.open("/billing/success?session_id=cs_test_none")
    expect(page.get_by_text("There is no such purchase here.")).to_be_visible()
    visit.guard.expect("404")


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
