"""A running talk: it goes on from view to view, and nothing leaves it without asking."""

import re

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import talk_state, words
from tests.browser.daemons import SPOKEN, WORDS, Daemon
from tests.browser.people import Person, grant
from tests.browser.visits import Visit, Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]


@pytest.fixture
def visit(visits: Visits, shop: Daemon, person: Person) -> Visit:
    """A browser in which somebody talks."""
    grant(shop.database_url, person, 600)
    begun = visits.begin(shop, talks=True)
    begun.sign_in(person).get_by_role("button", name="Start").click()
    expect(words(begun.page)).to_contain_text(SPOKEN)
    return begun


def heard(page: Page) -> int:
    """How many words stand there."""
    return len(words(page).inner_text().split())


def asked(page: Page, answer: str) -> None:
    """The question whether to leave, answered."""
    page.get_by_role("dialog", name="You are talking").get_by_role("button", name=answer).click()


def test_it_goes_on_from_view_to_view(visit: Visit) -> None:
    """On the account page a bar says that one is talking, and words come in meanwhile."""
    page = visit.page
    before = heard(page)
    page.get_by_role("link", name="Account").click()
    bar = page.get_by_role("complementary", name="Your talk")
    expect(bar).to_contain_text("You are talking")
    expect(bar.get_by_role("timer")).to_have_text(re.compile("0:0[4-9]"))
    expect_fit(page)
    page.go_back()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert heard(page) > before
    expect(words(page)).to_contain_text(" ".join(WORDS[: before + 2]))


def test_it_is_stopped_from_another_view(visit: Visit) -> None:
    """The bar's button stops it and the focus goes to the way back; the words are there."""
    page = visit.page
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("link", name="See the words")).to_be_focused()
    expect(page.get_by_text(re.compile("Finished: .* used"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(words(page)).to_contain_text(WORDS[0])


def test_what_comes_late_for_a_page_that_was_left(
    visits: Visits, closed_shop: Daemon, person: Person
) -> None:
    """An answer that a page waited for until it was left breaks nothing on the next one."""
    visit = visits.begin(closed_shop)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    visit.page.route("**/billing/packages", hold)
    page = visit.sign_in(person)
    with page.expect_event("requestfinished", lambda one: one.url.endswith("/billing/packages")):
        page.get_by_role("link", name="Account").click()
        expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
        held[0].fulfill(json=[])
    # Whatever the answer sets off is over before this one comes; the guard has what went wrong.
    page.evaluate("fetch('/').then((answer) => answer.text())")


def test_another_document_is_asked_about(visit: Visit) -> None:
    """Its link leads there beside the talk, after the talk, or not at all."""
    page = visit.page
    page.get_by_role("link", name="For programs").click()
    expect_fit(page)
    asked(page, "Stay here")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.get_by_role("link", name="For programs").click()
    with visit.context.expect_page() as beside:
        asked(page, "Open in a new tab")
    expect(beside.value.get_by_role("heading", level=1)).to_be_visible()
    assert beside.value.url.endswith("/docs")
    expect(talk_state(page)).to_have_text("Listening. Speak now.")
    page.get_by_role("link", name="For programs").click()
    asked(page, "Stop and go there")
    page.wait_for_url("**/docs")
    page.go_back()
    expect(words(page)).to_contain_text(WORDS[0])


def test_a_reload_is_asked_about(visit: Visit) -> None:
    """The browser asks in its own words; whoever stays goes on talking."""
    page = visit.page
    questions: list[str] = []

    def stay(dialog: Dialog) -> None:
        questions.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.evaluate("setTimeout(() => location.reload(), 0)")
    page.wait_for_event("dialog")
    assert questions == ["beforeunload"]
    expect(talk_state(page)).to_have_text("Listening. Speak now.")


def test_signing_out_is_asked_about(visit: Visit) -> None:
    """Cancelled, one is still signed in and talking."""
    page = visit.page
    page.get_by_role("button", name="Sign out").click()
    question = page.get_by_role("dialog", name="Sign out?")
    expect(question).to_contain_text("signing out ends the talk")
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    expect(talk_state(page)).to_have_text("Listening. Speak now.")


def test_a_new_password_is_asked_about(visit: Visit, person: Person) -> None:
    """It ends every sign-in of before, so the talk is stopped in order first."""
    page = visit.page
    page.get_by_role("link", name="Account").click()
    page.get_by_label("Present password").fill(person.password)
    page.get_by_label("New password").fill("staple battery horse")
    page.get_by_role("button", name="Change password").click()
    asked(page, "Stop and go on")
    expect(page.get_by_text("The password was changed.")).to_be_visible()
    expect(page.get_by_text(re.compile("Finished: .* used"))).to_be_visible()


def test_nothing_is_asked_where_nobody_talks(visit: Visit) -> None:
    """After Stop, leaving is leaving."""
    page = visit.page
    page.get_by_role("button", name="Stop").click()
    expect(talk_state(page)).to_have_text(re.compile("Finished"))
    page.reload()
    page.get_by_role("link", name="For programs").click()
    page.wait_for_url("**/docs")
