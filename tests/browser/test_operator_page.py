"""The operator's page: a month of engines and money, for operators alone."""

import os
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_fit
from tests.browser.daemons import Daemon
from tests.browser.past import give_past
from tests.browser.people import Person
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]


def test_how_the_server_does(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Who was made an operator finds the way from the account page, and sees the whole month."""
    give_past(closed_shop.database_url, person)
    with psycopg.connect(closed_shop.database_url) as connection:
        connection.execute("INSERT INTO operators (user_id) VALUES (%s)", (person.user_id,))
        # The daemon summed these days up before anything was in them.
        connection.execute("UPDATE engine_days_until SET day = (now() - interval '40 days')::date")
        connection.execute(
            """
            INSERT INTO purchases (id, user_id, package_id, label, seconds, price_cents, currency,
                                   status, created_at, settled_at)
            SELECT gen_random_uuid(), %s, 'p', '500 minutes', 30000, 599, 'usd', 'paid', at, at
            FROM (VALUES (now() - interval '2 days'), (now() - interval '9 days')) AS two (at)
            """,
            (person.user_id,),
        )
    page = visits.begin(closed_shop).sign_in(person)
    page.get_by_role("link", name="Account").click()
    page.get_by_role("link", name="See how the server does").click()
    expect(page.get_by_role("region", name="Money, 30 days")).to_contain_text("Stays")
    expect(page.get_by_role("region", name="Now", exact=True)).to_contain_text("Live streams")
    expect(page.get_by_role("img", name="Bar chart of minutes used a day")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="deepgram")
    expect(row.first).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    # All of it is seen at once on a desk.
    expect(row.first).to_be_in_viewport(ratio=1)
    expect_fit(page)
    for width in (390, 1280) if "RELAYD_SCREENSHOTS" in os.environ else ():
        page.set_viewport_size({"width": width, "height": 900})
        path = Path(os.environ["RELAYD_SCREENSHOTS"]) / f"operator-{width}.png"
        page.screenshot(path=path, full_page=True)


def test_for_operators_alone(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Everybody else is told so, and sees nothing."""
    visit = visits.begin(closed_shop)
    visit.sign_in(person)
    page = visit.open("/operator")
    expect(page.get_by_role("alert")).to_contain_text("not an operator's")
    visit.guard.expect("403")
