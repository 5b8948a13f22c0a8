"""Talk: the microphone in, words out, and credit that falls while one looks."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import (
    figure,
    seconds_left,
    sessions,
    talk_notice,
    talk_state,
    warnings,
    words,
)
from tests.browser.daemons import SPOKEN, WORDS, Daemon, open_daemon
from tests.browser.people import Person, grant
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

# Later than the page asks for the chart anew.
ANEW_MS = 20_000
_KEEP_A_LINE = """(lines) => {
  const kept = lines.lastElementChild.cloneNode(true);
  kept.querySelector(".interim").textContent = "that may change";
  lines.prepend(kept);
}"""


def test_the_local_engine_understands_the_page(
    visits: Visits, closed_shop: Daemon, person: Person
) -> None:
    """The recording that the microphone hears arrives as the words that are spoken in it."""
    grant(closed_shop.database_url, person, 600)
    page = visits.begin(closed_shop, talks=True).sign_in(person)
    page.get_by_role("button", name="Start").click()
    expect(talk_state(page)).to_have_text("Listening. Speak now.")
    expect(words(page)).to_contain_text(re.compile("listen|speak|words|welcome"))
    page.get_by_role("button", name="Stop").click()
    expect(talk_state(page)).to_have_text(re.compile(r"Finished: .* used\."))


def test_a_restart_of_the_server_is_talked_through(
    visits: Visits, shared_database_url: str, engine: dict[str, str], person: Person
) -> None:
    """The page says that the connection was lost, comes back by itself, and the words go on."""
    grant(shared_database_url, person, 600)
    with open_daemon(shared_database_url, **engine) as serving:
        visit = visits.begin(serving, talks=True)
        page = visit.sign_in(person)
        page.get_by_role("button", name="Start").click()
        expect(words(page)).to_contain_text(SPOKEN)
        serving.stop()
        expect(talk_state(page)).to_have_text(re.compile("The connection was lost. Speak on"))
        serving.start()
        expect(talk_state(page)).to_have_text("Listening. Speak now.")
        expect(words(page)).to_contain_text(re.compile(f"{SPOKEN}.*{SPOKEN}", re.DOTALL))
        page.get_by_role("button", name="Stop").click()
        expect(talk_state(page)).to_have_text(re.compile(r"Finished: .* used\."))
        visit.guard.allow("net::ERR_")
        visit.guard.allow("WebSocket")
        visit.guard.allow(f"503 () ({serving.url}/account/events)")


def test_credit_falls_while_one_talks(visits: Visits, shop: Daemon, person: Person) -> None:
    """The figure is never further behind than what is recorded each second, and one for the way."""
    grant(shop.database_url, person, 600)
    page = visits.begin(shop, talks=True).sign_in(person)
    expect(figure(page)).to_have_text("10 minutes and 0 seconds")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("In use right now")).to_be_visible()
    expect(page.get_by_role("timer", name="Time heard")).to_have_text("0:04")
    assert 594 <= seconds_left(page) <= 598
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Not in use")).to_be_visible()
    expect_fit(page)
    expect(sessions(page)).to_have_count(1)
    expect(sessions(page)).to_contain_text("Finished")


def test_what_was_used_agrees_with_what_is_left(
    visits: Visits, shop: Daemon, person: Person
) -> None:
    """Talk after talk, the seconds that it says were used are those the figure fell by."""
    grant(shop.database_url, person, 600)
    page = visits.begin(shop, talks=True).sign_in(person)
    for sentence in range(2):
        expect(figure(page)).to_have_text(re.compile(r"\d"))
        before = seconds_left(page)
        page.get_by_role("button", name="Start").click()
        expect(words(page).locator("p").nth(sentence)).to_contain_text(SPOKEN)
        page.get_by_role("button", name="Stop").click()
        expect(talk_state(page)).to_have_text(re.compile(r"^Finished: \d+ s used\.$"))
        used = int(re.sub(r"\D", "", talk_state(page).inner_text()))
        expect(page.get_by_text("Not in use")).to_be_visible()
        assert before - seconds_left(page) == used
        expect(page.get_by_role("timer", name="Time heard")).to_have_text(f"0:{used:02}")


def test_by_keyboard(visits: Visits, shop: Daemon, person: Person) -> None:
    """One button starts and stops and keeps the focus; Esc stops too, but not out of a question."""
    grant(shop.database_url, person, 600)
    page = visits.begin(shop, talks=True).sign_in(person)
    page.get_by_role("button", name="Start").focus()
    page.keyboard.press("Enter")
    expect(talk_state(page)).to_have_text("Listening. Speak now.")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(talk_state(page)).to_have_text("Listening. Speak now.")
    page.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Escape")
    expect(talk_state(page)).to_have_text(re.compile("^Finished"))
    expect(page.get_by_role("button", name="Start")).to_be_focused()


def test_a_double_click_starts_once(visits: Visits, shop: Daemon, person: Person) -> None:
    """Its second half doesn't stop what its first half has started."""
    grant(shop.database_url, person, 600)
    page = visits.begin(shop, talks=True).sign_in(person)
    page.get_by_role("button", name="Start").dblclick()
    expect(talk_state(page)).to_have_text("Listening. Speak now.")
    expect(words(page)).to_contain_text(WORDS[0])


def test_the_chart_moves_while_one_talks(visits: Visits, shop: Daemon, person: Person) -> None:
    """A talk is in the days while it goes on, and who reads their table is left in it."""
    grant(shop.database_url, person, 600)
    visit = visits.begin(shop, talks=True)
    page = visit.open("/signin")
    page.clock.install()
    visit.sign_in(person).get_by_role("button", name="Start").click()
    expect(page.get_by_role("timer", name="Time heard")).to_have_text("0:05")
    page.clock.fast_forward(ANEW_MS)
    chart = page.get_by_role("region", name="The last 30 days")
    expect(chart.get_by_text("0.1 minutes used in all")).to_be_visible()
    chart.get_by_text("Show as a table").click()
    with page.expect_response("**/account/usage"):
        page.clock.fast_forward(ANEW_MS)
    expect(chart.get_by_role("region", name="Minutes used a day")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()


def test_words_that_may_change_can_be_read(visits: Visits, shop: Daemon, person: Person) -> None:
    """The page is fit for everybody while somebody talks, its greyed words too."""
    grant(shop.database_url, person, 600)
    page = visits.begin(shop, talks=True).sign_in(person)
    page.get_by_role("button", name="Start").click()
    expect(words(page)).to_contain_text(WORDS[0])
    # A line with such words that stays as it is: the real one's come and go.
    words(page).evaluate(_KEEP_A_LINE)
    expect_fit(page)


def test_credit_that_is_used_up_ends_the_session(
    visits: Visits, shop: Daemon, person: Person
) -> None:
    """Whoever has talked away the last second is told what to do, and keeps the words."""
    grant(shop.database_url, person, 2)
    page = visits.begin(shop, talks=True).sign_in(person)
    expect(page.get_by_text("Less than five minutes are left.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(talk_notice(page)).to_contain_text("About 2 seconds left.")
    expect(warnings(page)).to_have_count(1)
    expect(talk_notice(page)).to_contain_text("Your minutes are used up.")
    expect(words(page)).to_contain_text(" ".join(WORDS[:4]))
    expect(figure(page)).to_have_text("0 minutes and 0 seconds")
    expect(sessions(page)).to_contain_text("No minutes were left")
    expect(warnings(page)).to_have_count(1)
    expect_fit(page)


def test_without_credit_nothing_is_heard(visits: Visits, shop: Daemon, person: Person) -> None:
    """Starting without minutes says that there are none."""
    page = visits.begin(shop, talks=True).sign_in(person)
    page.get_by_role("button", name="Start").click()
    expect(talk_notice(page)).to_contain_text("You have no minutes left.")
    expect(page.get_by_role("button", name="Start")).to_be_enabled()


def test_a_refused_microphone(visits: Visits, shop: Daemon, person: Person) -> None:
    """The page says where it is allowed, and can be asked again."""
    page = visits.begin(shop).sign_in(person)
    page.get_by_role("button", name="Start").click()
    expect(talk_notice(page)).to_have_text(
        "This page may not use the microphone. Allow it in your browser, beside the address,"
        " then start again."
    )
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
