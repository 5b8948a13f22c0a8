"""What another site's page may make a signed-in browser do: nothing."""

from typing import Final

import pytest
from playwright.sync_api import Page

from tests.browser.daemons import Daemon
from tests.browser.people import Person
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

# Another port is another origin of the same site, to which even a SameSite=Strict cookie goes.
PLACES: Final = {"same site": "http://localhost:9", "cross site": "http://evil.example"}
PATHS: Final = ("register", "login", "refresh", "logout", "logout-everywhere", "password")
# As much as a page may send to anybody without asking first.
_FETCH: Final = """(url) => fetch(url, {
  method: "POST", mode: "no-cors", credentials: "include", body: "{}",
}).then(() => "answered", () => "kept from the page")"""


def lure(page: Page, place: str, target: str = "") -> None:
    """Bring the browser to a page that somebody else wrote."""
    html = f"<!doctype html><form method=post action='{target}'><button>Win a car</button></form>"
    page.context.route(
        f"{place}/**", lambda route: route.fulfill(body=html, content_type="text/html")
    )
    page.goto(f"{place}/prize")


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_form_of_another_origin_is_refused(
    visits: Visits, closed_shop: Daemon, place: str
) -> None:
    """Nothing that changes a sign-in can be sent by a form that stands elsewhere."""
    visit = visits.begin(closed_shop, elsewhere=(place,))
    for path in PATHS:
        lure(visit.page, place, f"{closed_shop.url}/session/{path}")
        with visit.page.expect_response(f"**/session/{path}") as answered:
            visit.page.get_by_role("button").click()
        assert answered.value.status == 403
        assert answered.value.json()["error"]["code"] == "cross_site"
    visit.guard.expect("403")


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_forged_request_changes_nothing(
    visits: Visits, closed_shop: Daemon, person: Person, place: str
) -> None:
    """Who is signed in stays so, with the same cookie, and the other page reads no answer."""
    visit = visits.begin(closed_shop, elsewhere=(place,))
    visit.sign_in(person)
    before = visit.context.cookies(closed_shop.url)
    lure(visit.page, place)
    for path in PATHS:
        url = f"{closed_shop.url}/session/{path}"
        assert visit.page.evaluate(_FETCH, url) == "kept from the page"
    assert visit.context.cookies(closed_shop.url) == before
    visit.guard.expect("ERR_BLOCKED_BY_RESPONSE.NotSameOrigin")
