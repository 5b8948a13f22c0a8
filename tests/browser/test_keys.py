"""The page of keys: made, shown once, used, revoked."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_fit
from tests.browser.daemons import Daemon
from tests.browser.people import Person
from tests.browser.visits import Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]


def test_a_key_from_made_to_revoked(
    visits: Visits, closed_shop: Daemon, person: Person, tmp_path: Path
) -> None:
    """It is shown once, opens what it may, and opens nothing once it is revoked."""
    visit = visits.begin(closed_shop)
    visit.sign_in(person)
    page = visit.open("/keys")
    expect(page.get_by_text("There is no key yet.")).to_be_visible()
    page.get_by_label("Name").fill("my transcriber")
    page.get_by_label("Live streams").uncheck()
    page.get_by_label("Kind").select_option("test")
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator("code.code")
    key = secret.inner_text()
    assert key.startswith("wtr_test_")
    expect(page.get_by_text("it is not shown again")).to_be_visible()
    expect_fit(page)
    page.screenshot(path=Path(os.environ.get("RELAYD_SCREENSHOTS", tmp_path)) / "keys.png")
    row = page.get_by_role("region", name="Your keys").get_by_role("listitem")
    expect(row).to_contain_text("Only pretends, good for batch, read; never used")
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_text(key)).to_have_count(0)

    headers = {"Authorization": f"Bearer {key}"}
    me = page.request.get(f"{closed_shop.url}/api/v1/auth/me", headers=headers)
    assert me.status == 200
    row.get_by_role("button", name="Revoke my transcriber").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("There is no key yet.")).to_be_visible()
    expect(page.get_by_text("Keys that are over")).to_be_visible()
    me = page.request.get(f"{closed_shop.url}/api/v1/auth/me", headers=headers)
    assert me.status == 401


def test_a_key_for_nothing_is_not_made(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """Without a name or anything that it may do, the form says what is missing."""
    visit = visits.begin(closed_shop)
    visit.sign_in(person)
    page = visit.open("/keys")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_have_text("Name is missing.")
    page.get_by_label("Name").fill("x")
    for scope in ("Live streams", "Hand in and delete recordings", "Read recordings"):
        page.get_by_label(scope).uncheck()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_have_text("Choose at least one.")
