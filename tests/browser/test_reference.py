"""The page /docs: all of the interface, to be read by everybody and tried out."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import expect_fit
from tests.browser.daemons import Daemon
from tests.browser.people import Person
from tests.browser.visits import Visits
from tests.routes.document import operations

pytestmark = [pytest.mark.system, pytest.mark.browser]


# Of links 44 px high, with what is around them.
TWO_ROWS = 130


def opened(page: Page) -> Page:
    """The page with its operations listed."""
    expect(page.locator("[data-operations]")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("details")).not_to_have_count(0)
    return page


def test_all_of_it(visits: Visits, closed_shop: Daemon) -> None:
    """Every operation is there, with its fields and every code that it may answer with."""
    page = opened(visits.begin(closed_shop).open("/docs"))
    for name, operation in operations().items():
        text = page.locator(f"#{operation['operationId']}").text_content() or ""
        assert text.startswith(name)
        for status, answer in operation["responses"].items():
            assert status in text
            for media in answer.get("content", {}).values():
                assert all(one in text for one in media.get("examples", {})), name
                if isinstance(example := media.get("example"), dict):
                    assert all(one in text for one in example), name
        assert all(one["name"] in text for one in operation.get("parameters", []))


def test_it_is_fit_for_everybody(visits: Visits, closed_shop: Daemon) -> None:
    """As a list, and with all of it opened."""
    page = opened(visits.begin(closed_shop).open("/docs"))
    expect_fit(page)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    expect_fit(page)


def test_on_a_phone(visits: Visits, closed_shop: Daemon) -> None:
    """Above the text are two rows; wherever one reads there is a way up, and a way out above."""
    page = opened(visits.begin(closed_shop, width=360, height=740).open("/docs"))
    chapters = page.get_by_role("navigation", name="Chapters")
    edge = chapters.bounding_box()
    assert edge
    assert edge["y"] + edge["height"] <= TWO_ROWS
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(chapters.get_by_role("link", name="WebSocket")).to_be_in_viewport()
    chapters.get_by_role("link", name="Top").click()
    expect(page.get_by_role("link", name="First page").first).to_be_in_viewport()


def test_the_way_back_of_members(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Who came from the dashboard is led back there."""
    visit = visits.begin(closed_shop)
    visit.sign_in(person)
    visit.open("/docs").get_by_role("link", name="Back to the dashboard").click()
    expect(visit.page.get_by_role("heading", name="Minutes left")).to_be_visible()


def test_the_stream_is_described(visits: Visits, closed_shop: Daemon) -> None:
    """The first page leads to the WebSocket's chapter, which names this very server."""
    page = visits.begin(closed_shop).open()
    page.get_by_role("link", name="The interface is described here").click()
    expect(page.get_by_role("heading", name="WebSocket")).to_be_in_viewport()
    expect(
        page.get_by_text(f"ws://{closed_shop.url.partition('//')[2]}/ws/transcribe")
    ).to_be_visible()
    expect(page.get_by_role("region", name="stream.py")).to_contain_text(closed_shop.url)


def test_by_keyboard_and_by_address(visits: Visits, closed_shop: Daemon) -> None:
    """An operation opens by a key, has an address of its own, and is open for who comes by that."""
    visit = visits.begin(closed_shop)
    page = opened(visit.open("/docs"))
    operation = page.locator("#billing_balance")
    operation.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(operation.get_by_role("button", name="Send")).to_be_visible()
    expect(page).to_have_url(f"{closed_shop.url}/docs#billing_balance")
    page = visit.another_page()
    page.goto(f"{closed_shop.url}/docs#billing_balance")
    expect(opened(page).locator("#billing_balance")).to_have_attribute("open", "")


def test_to_be_tried_out(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Signing in there brings the token that the next request needs; both answers are shown."""
    visit = visits.begin(closed_shop)
    page = opened(visit.open("/docs#accounts_login"))
    login = page.locator("#accounts_login")
    login.get_by_label("Body").fill(f'{{"email": "{person.email}", "password": "wrong"}}')
    login.get_by_role("button", name="Send").click()
    expect(login.get_by_role("status")).to_contain_text("401")
    expect(login).to_contain_text('"code": "invalid_credentials"')
    login.get_by_label("Body").fill(
        f'{{"email": "{person.email}", "password": "{person.password}"}}'
    )
    login.get_by_role("button", name="Send").click()
    expect(login.get_by_role("status")).to_contain_text("200")
    expect(page.get_by_label("Access token")).to_have_value(re.compile(r"\S"))
    balance = page.locator("#billing_balance")
    balance.locator("summary").click()
    balance.get_by_role("button", name="Send").click()
    expect(balance).to_contain_text('"seconds_remaining": 0')
    expect_fit(page, within="#accounts_login")
    visit.guard.expect("401")


def test_a_stream_is_shown_as_it_comes(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Events appear one by one, and closing the operation ends their stream."""
    visit = visits.begin(closed_shop)
    page = opened(visit.open("/docs#account_events"))
    said = {"email": person.email, "password": person.password}
    signed_in = page.request.post(f"{closed_shop.url}/auth/login", data=said).json()
    page.get_by_label("Access token").fill(signed_in["token"])
    events = page.locator("#account_events")
    events.get_by_role("button", name="Send").click()
    expect(events).to_contain_text("event: credit")
    with page.expect_event("requestfailed", lambda one: one.url.endswith("/account/events")):
        events.locator("summary").click()


def test_without_the_document(visits: Visits, closed_shop: Daemon) -> None:
    """Where it can't be had, the page says so."""
    visit = visits.begin(closed_shop)
    visit.page.route("**/openapi.json", lambda route: route.fulfill(status=503))
    page = visit.open("/docs")
    expect(page.get_by_text("The description can't be loaded right now.")).to_be_visible()
    expect_fit(page)
    visit.guard.expect("503")
