"""Getting in, staying in, getting out."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import figure
from tests.browser.daemons import Daemon, open_daemon
from tests.browser.people import PASSWORD, Person, new_email
from tests.browser.visits import Visit, Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]


def expect_sign_in_page(visit: Visit, told: str) -> None:
    """The page to sign in, saying why one is there."""
    expect(visit.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(visit.page.locator("[data-reason]")).to_have_text(told)


def test_a_wrong_password_is_told(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """It is said at the form, where one can try again at once."""
    visit = visits.begin(closed_shop)
    page = visit.sign_in(person, "wrong horse battery")
    expect(page.get_by_role("alert")).to_have_text("The address or the password is wrong.")
    expect(page.get_by_label("Password")).to_be_focused()
    expect_fit(page)
    page.get_by_label("Password").fill(person.password)
    page.keyboard.press("Enter")
    expect(figure(page)).to_have_text("0 minutes and 0 seconds")
    visit.guard.expect("401")


def test_a_taken_address_is_told(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Whoever has an account already is sent to sign in."""
    visit = visits.begin(closed_shop)
    page = visit.open("/register")
    page.get_by_label("Email address").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("alert")).to_have_text(
        "There is an account with this address. Sign in."
    )
    visit.guard.expect("409")


def test_a_form_is_checked_before_it_is_sent(visits: Visits, closed_shop: Daemon) -> None:
    """What the page can see to be wrong is said without asking the server."""
    page = visits.begin(closed_shop).open("/register")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("alert")).to_have_text("Email address is missing.")
    page.get_by_label("Email address").fill(new_email())
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("alert")).to_have_text("Password: at least 8 characters, please.")


def test_the_sign_in_lasts_beyond_a_reload(
    visits: Visits, closed_shop: Daemon, person: Person
) -> None:
    """The cookie brings it back; no script can read it, and nothing else is stored."""
    visit = visits.begin(closed_shop)
    page = visit.sign_in(person)
    page.reload()
    expect(figure(page)).to_have_text("0 minutes and 0 seconds")
    stored = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert stored == [0, 0, "__Host-relayd-hint=1"]
    cookie = next(one for one in visit.context.cookies() if one["name"] == "__Host-relayd")
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")


def test_an_expired_access_token_is_renewed_silently(
    visits: Visits, shared_database_url: str, person: Person
) -> None:
    """A page whose token is no longer good gets a new one, and nobody notices."""
    with open_daemon(shared_database_url) as serving:
        visit = visits.begin(serving)
        page = visit.sign_in(person)
        with page.expect_response("**/session/refresh") as renewed:
            serving.stop()
            serving.start(RELAYD_AUTH__SECRET="another secret, with which no token was signed")
        assert renewed.value.status == 200
        page.get_by_role("link", name="Account").click()
        expect(page.get_by_text(person.email)).to_be_visible()
        visit.guard.expect("401")
        visit.guard.allow("net::ERR_")
        visit.guard.allow(f"503 () ({serving.url}/account/events)")


def test_a_sign_in_that_is_gone_leads_to_the_sign_in_page(
    visits: Visits, closed_shop: Daemon, person: Person
) -> None:
    """Without its cookie a page says that one has to sign in again, and then goes on."""
    visit = visits.begin(closed_shop)
    visit.sign_in(person)
    visit.context.clear_cookies(name="__Host-relayd")
    visit.open("/account")
    expect_sign_in_page(visit, "Your sign-in has ended. Sign in again.")
    visit.page.get_by_label("Email address").fill(person.email)
    visit.page.get_by_label("Password").fill(person.password)
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_text(person.email)).to_be_visible()
    visit.guard.expect("401")


def test_signing_out(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Afterwards nothing that the browser holds opens anything; the dashboard wants a sign-in."""
    visit = visits.begin(closed_shop)
    visit.sign_in(person).get_by_role("button", name="Sign out").click()
    expect_sign_in_page(visit, "You are signed out.")
    expect_fit(visit.page)
    # It only shows that this browser is no stranger.
    assert [one["name"] for one in visit.context.cookies()] == ["__Secure-relayd-device"]
    visit.open("/dashboard")
    expect(visit.page.get_by_role("heading", name="Sign in")).to_be_visible()
