"""Recordings on the dashboard: sent, done, read, deleted."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_fit
from tests.browser.daemons import Daemon
from tests.browser.people import Person, grant
from tests.browser.visits import Visits
from tests.house.tree import ROOT

pytestmark = [pytest.mark.system, pytest.mark.browser]


def test_a_recording_is_sent_and_read(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """What is chosen is sent, waits its turn, is read where it stands, and deleted for good."""
    grant(closed_shop.database_url, person, 600)
    page = visits.begin(closed_shop).sign_in(person)
    place = page.get_by_role("region", name="Recordings")
    place.get_by_label("Drop a recording here").set_input_files(
        ROOT / "relayd" / "demo" / "recording.wav"
    )
    entry = place.get_by_role("listitem").filter(has_text="recording.wav")
    expect(entry).to_contain_text("Done", timeout=60_000)
    entry.locator("summary").click()
    expect(entry.locator(".recording-words")).not_to_be_empty()
    expect_fit(page)
    entry.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(place.get_by_role("listitem")).to_have_count(0)


def test_a_webhook_is_told(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """It is added, its secret shown once, what was sent listed and sent again, and removed."""
    grant(closed_shop.database_url, person, 600)
    page = visits.begin(closed_shop).sign_in(person)
    place = page.get_by_role("region", name="Recordings")
    place.get_by_text("Webhooks: have your program told").click()
    expect(place.get_by_text("Nobody is told yet.")).to_be_visible()
    # An address within the house, which is never asked: what was sent is listed all the same.
    place.get_by_label("Address").fill("https://127.0.0.1/told")
    place.get_by_role("button", name="Add").click()
    assert place.locator("code.code").inner_text().startswith("whsec_")
    expect_fit(page)
    place.get_by_role("button", name="I have it").click()
    expect(place.get_by_text("whsec_")).to_have_count(0)

    place.get_by_label("Drop a recording here").set_input_files(
        ROOT / "relayd" / "demo" / "recording.wav"
    )
    recording = place.get_by_role("listitem").filter(has_text="recording.wav")
    expect(recording).to_contain_text("Done", timeout=60_000)
    hook = place.get_by_role("listitem").filter(has_text="https://127.0.0.1/told")
    hook.locator("summary").click()
    sent = hook.get_by_role("listitem").filter(has_text="transcription.completed")
    expect(sent).to_have_count(1)
    sent.get_by_role("button", name="Send again").click()
    expect(hook.get_by_role("button", name="Send again")).to_be_enabled()
    hook.get_by_role("button", name="Remove https://127.0.0.1/told").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(place.get_by_text("Nobody is told yet.")).to_be_visible()


def test_what_is_no_recording_is_said(visits: Visits, closed_shop: Daemon, person: Person) -> None:
    """The file's name and the server's reason."""
    grant(closed_shop.database_url, person, 600)
    visit = visits.begin(closed_shop)
    visit.guard.expect("422")
    page = visit.sign_in(person)
    place = page.get_by_role("region", name="Recordings")
    place.get_by_label("Drop a recording here").set_input_files(ROOT / "README.md")
    expect(place.get_by_role("alert")).to_contain_text("README.md: ")
