"""A second factor, from the account page to the next sign-in."""

import pyotp
import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import figure
from tests.browser.daemons import Daemon
from tests.browser.people import Person
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]


def test_from_the_secret_to_the_sign_in(
    visits: Visits, closed_shop: Daemon, person: Person
) -> None:
    """One scans or types a key, confirms it, keeps the codes, and is asked for one from then on."""
    visit = visits.begin(closed_shop)
    page = visit.sign_in(person)
    page.get_by_role("link", name="Account").click()
    section = page.get_by_role("region", name="Two-step sign-in")
    expect(section).to_contain_text("Off: signing in takes the password alone.")
    section.get_by_label("Password, to set it up").fill(person.password)
    section.get_by_role("button", name="Set it up").click()
    expect(section.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    expect_fit(page)
    secret = section.locator("[data-secret]").inner_text().replace(" ", "")
    section.get_by_label("Code that the app shows").fill(pyotp.TOTP(secret).now())
    section.get_by_role("button", name="Switch it on").click()
    expect(section).to_contain_text("On: signing in takes a code")
    codes = section.locator("[data-recovery-codes]").inner_text().split()
    assert len(codes) == 10
    expect_fit(page)

    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_label("Email address").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Code")).to_be_focused()
    expect_fit(page)
    visit.guard.expect("401")
    page.get_by_label("Code").fill("no code")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    visit.guard.expect("401")
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in").click()
    expect(figure(page)).to_have_text("0 minutes and 0 seconds")
