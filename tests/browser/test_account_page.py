"""The account page: a new password, an end to every sign-in, and to the account."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import expect_fit
from tests.browser.daemons import Daemon
from tests.browser.people import Person
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

NEW_PASSWORD = "staple battery horse"


def change_password(page: Page, present: str, new: str) -> None:
    """Fill in the form and send it."""
    page.get_by_role("link", name="Account").click()
    page.get_by_label("Present password").fill(present)
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Change password").click()


def expect_signed_out(page: Page) -> None:
    """The page noticed by itself that its sign-in was ended, and says so."""
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Your sign-in has ended. Sign in again.")).to_be_visible()


def test_a_changed_password(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """It is good from now on; where it was changed one stays signed in, and nowhere else."""
    here, there = visits.begin(closed_shop), visits.begin(closed_shop)
    there.sign_in(person)
    change_password(here.sign_in(person), person.password, NEW_PASSWORD)
    expect(here.page.get_by_text("The password was changed.")).to_be_visible()
    expect_fit(here.page)
    expect_signed_out(there.page)
    here.page.reload()
    expect(here.page.get_by_text(person.email)).to_be_visible()
    there.page.get_by_label("Email address").fill(person.email)
    there.page.get_by_label("Password").fill(NEW_PASSWORD)
    there.page.get_by_role("button", name="Sign in").click()
    expect(there.page.get_by_role("heading", name="Minutes left")).to_be_visible()
    there.guard.expect("401")


def test_a_password_is_not_changed_by_who_does_not_know_it(
    visits: Visits, closed_shop: Daemon, person: Person
) -> None:
    """Somebody at an open screen can't lock its owner out."""
    visit = visits.begin(closed_shop)
    change_password(visit.sign_in(person), "wrong horse battery", NEW_PASSWORD)
    expect(visit.page.get_by_role("alert")).to_have_text("The present password is wrong.")
    visit.guard.expect("403")


def test_signing_out_everywhere(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Asked once more, it ends this sign-in and those of other browsers, which notice at once."""
    here, there = visits.begin(closed_shop), visits.begin(closed_shop)
    there.sign_in(person)
    page = here.sign_in(person)
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Sign out everywhere…").click()
    sure = page.get_by_role("dialog", name="Sign out everywhere?")
    expect_fit(page)
    sure.get_by_role("button", name="Cancel").click()
    expect(sure).to_be_hidden()
    page.get_by_role("button", name="Sign out everywhere…").click()
    sure.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_text("You are signed out everywhere.")).to_be_visible()
    expect_signed_out(there.page)
    there.guard.expect("401")


def test_deleting_the_account(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """The password is asked for, then one is asked once more; it ends on the first page."""
    here, there = visits.begin(closed_shop), visits.begin(closed_shop)
    there.sign_in(person)
    page = here.sign_in(person)
    page.get_by_role("link", name="Account").click()
    delete = page.get_by_role("button", name="Delete the account…")
    sure = page.get_by_role("dialog", name="Delete the account?")
    for password, answer in [
        ("wrong horse battery", "Delete for good"),
        (person.password, "Cancel"),
    ]:
        page.get_by_label("Your password").fill(password)
        delete.click()
        expect_fit(page)
        sure.get_by_role("button", name=answer).click()
        expect(sure).to_be_hidden()
        if answer != "Cancel":
            expect(page.get_by_role("alert")).to_have_text("The present password is wrong.")
    here.guard.expect("403")
    delete.click()
    sure.get_by_role("button", name="Delete for good").click()
    page.wait_for_url(f"{here.url}/")
    expect(page.get_by_role("link", name="Create account").first).to_be_visible()
    expect_signed_out(there.page)
    there.guard.expect("401")
    again = visits.begin(closed_shop)
    again.sign_in(person, person.password)
    expect(again.page.get_by_role("alert")).to_have_text("The address or the password is wrong.")
    again.guard.expect("401")
