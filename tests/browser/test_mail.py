"""The pages that mail makes possible: a forgotten password, and addresses that are proven."""

from collections.abc import Iterator

import attrs
import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import figure
from tests.browser.daemons import Daemon, open_daemon
from tests.browser.people import PASSWORD, new_email
from tests.browser.visits import Visits
from tests.mail.standin import MailServer, open_mail_server

pytestmark = [pytest.mark.system, pytest.mark.browser]

NEXT = "battery staple horse"


@attrs.frozen
class Post:
    """A daemon that sends mail, and where it goes."""

    daemon: Daemon
    server: MailServer


@pytest.fixture(scope="module")
def post(shared_database_url: str) -> Iterator[Post]:
    """One that gives a minute for a proven address."""
    with open_mail_server() as server:
        settings = {
            "RELAYD_MAIL__HOST": "127.0.0.1",
            "RELAYD_MAIL__PORT": str(server.port),
            "RELAYD_MAIL__ENCRYPTION": "none",
            "RELAYD_MAIL__SENDER": "relay@example.org",
            "RELAYD_AUTH__FREE_SECONDS": "60",
        }
        with open_daemon(shared_database_url, **settings) as daemon:
            yield Post(daemon, server)


def test_from_the_account_to_a_new_password(visits: Visits, post: Post) -> None:
    """One registers, proves the address for a free minute, forgets the password, chooses anew."""
    email, visit = new_email(), visits.begin(post.daemon)
    page = visit.open("/register")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(figure(page)).to_have_text("0 minutes and 0 seconds")
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_text("This address is not confirmed yet.")).to_be_visible()
    expect_fit(page)

    proof = post.server.await_mail(1)
    assert proof.recipients == (email,)
    visit.open(f"/proof#{proof.token}")
    expect(page.get_by_text(f"Thank you: {email} is confirmed.")).to_be_visible()
    assert "#" not in page.url
    expect_fit(page)
    page.get_by_role("link", name="To the dashboard").click()
    expect(figure(page)).to_have_text("1 minute and 0 seconds")

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Choose a new one").click()
    expect_fit(page)
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text(f"If {email} has an account here")).to_be_visible()

    reset = post.server.await_mail(2)
    visit.open(f"/reset#{reset.token}")
    expect_fit(page)
    page.get_by_role("textbox", name="New password").fill("password1")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_contain_text("among the most common ones")
    visit.guard.expect("422")
    page.get_by_role("textbox", name="New password").fill(NEXT)
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("[data-reason]")).to_contain_text("Your password was changed.")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(NEXT)
    page.get_by_role("button", name="Sign in").click()
    expect(figure(page)).to_have_text("1 minute and 0 seconds")
    assert "was changed" in post.server.await_mail(3).text
    # This browser is known: no notice of a new sign-in comes.
    assert len(post.server.received) == 3
