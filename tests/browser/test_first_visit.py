"""The whole way of somebody new, in one go: register, buy, talk, see what it cost."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.board import figure, seconds_left, sessions, talk_state, words
from tests.browser.daemons import SPOKEN, Daemon
from tests.browser.people import PASSWORD, new_email
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]


def test_from_the_first_page_to_the_first_session(visits: Visits, shop: Daemon) -> None:
    """Everything is reached by its visible name, and the books on the screen are right."""
    page = visits.begin(shop, talks=True).open()
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Email address").fill(new_email())
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(figure(page)).to_have_text("0 minutes and 0 seconds")
    expect(page.get_by_text("You have not talked yet.")).to_be_visible()

    page.get_by_role("button", name=re.compile("Buy 500 minutes")).click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_text("500 minutes were added.")).to_be_visible()
    page.get_by_role("link", name="To the dashboard").click()
    expect(figure(page)).to_have_text("500 minutes and 0 seconds")

    page.get_by_role("button", name="Start").click()
    expect(words(page)).to_contain_text(SPOKEN)
    expect(page.get_by_text("In use right now")).to_be_visible()
    expect(figure(page)).to_have_text(re.compile("^499 minutes"))
    page.get_by_role("button", name="Stop").click()
    expect(talk_state(page)).to_have_text(re.compile(r"Finished: .* used\."))
    expect(sessions(page)).to_have_count(1)
    expect(sessions(page)).to_contain_text("Finished")
    expect(page.get_by_text("Not in use")).to_be_visible()
    assert 500 * 60 - 20 <= seconds_left(page) < 500 * 60
