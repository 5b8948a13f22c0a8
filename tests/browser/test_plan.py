"""A plan on the pages: what it gives, what is left, and the ways to begin and to end it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import APIRequestContext, Page, expect

from tests.browser.accessibility import expect_fit
from tests.browser.daemons import Daemon, open_shop
from tests.browser.people import Person
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]


@pytest.fixture(scope="module")
def plan_shop(
    caller: APIRequestContext, engine: dict[str, str], shared_database_url: str
) -> Iterator[Daemon]:
    """A daemon with plans, of which one is sold; Free's minutes are everybody's."""
    plans = {
        "RELAYD_PLANS__ON": "true",
        "RELAYD_PLANS__FREE__UNPROVEN": "true",
        "RELAYD_PLANS__PRO__PRICE_ID": "price_pro",
    }
    with open_shop(shared_database_url, **engine, **plans) as serving:
        webhook = {"url": f"{serving.url}/webhooks/stripe"}
        caller.post(f"{serving.elsewhere[0]}/control/webhook", data=webhook)
        yield serving


def test_from_free_to_pro_and_back(visits: Visits, plan_shop: Daemon, person: Person) -> None:
    """Whoever signs in has Free's minutes; one button leads to Pro's, another to its end."""
    page = visits.begin(plan_shop).sign_in(person)
    plan = page.get_by_role("region", name="Plan: Free")
    expect(plan).to_contain_text("60 of 60 minutes, until")
    expect(plan).to_contain_text("Nothing used since it began")
    expect(plan).to_contain_text("60 minutes a month")
    expect(plan).to_contain_text("10 requests a minute by programs")
    expect_fit(page)
    picture(page, "plan-free")

    plan.get_by_role("link", name="Change or end it").click()
    subscription = page.get_by_role("region", name="Subscription")
    expect(subscription).to_contain_text("You are on Free, with 60 minutes left of it.")
    picture(page, "subscription-free")
    subscription.get_by_role(
        "button", name="Upgrade to Pro: 1,000 minutes a month for $29.00"
    ).click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(subscription).to_contain_text("You are on Pro, with 1,000 minutes left of it.")
    expect(subscription).to_contain_text("It renews on")
    expect_fit(page)
    picture(page, "subscription-pro")

    subscription.get_by_role("button", name="Manage").click()
    page.get_by_role("button", name="Cancel plan").click()
    page.get_by_role("link", name="Return").click()
    expect(subscription).to_contain_text(re.compile("You are on Pro.* It ends on"))

    page.get_by_role("link", name="Dashboard").click()
    plan = page.get_by_role("region", name="Plan: Pro")
    expect(plan).to_contain_text("1,000 of 1,000 minutes, until")
    expect(plan.get_by_role("listitem").first).to_contain_text("60 of 60 minutes, until")
    expect(plan).to_contain_text("Recordings with every model")
    picture(page, "plan-pro")


def picture(page: Page, name: str) -> None:
    """As people see it, on a phone and on a desk, where somebody wants to look."""
    where = os.environ.get("RELAYD_SCREENSHOTS")
    for width in (390, 1280) if where else ():
        for theme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            page.screenshot(path=Path(where or "") / f"{name}-{width}-{theme}.png", full_page=True)
