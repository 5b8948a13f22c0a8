"""The dashboard as the README shows it, taken while somebody talks.

With RELAYD_SCREENSHOTS=docs/screenshots the pictures are kept there; `make pictures` does that.
"""

import os
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.board import words
from tests.browser.daemons import WORDS, Daemon
from tests.browser.people import Person
from tests.browser.visits import Theme, Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
PICTURE_BYTES: Final = 200_000


def test_pictures_of_the_dashboard(
    visits: Visits, shop: Daemon, member: Person, tmp_path: Path
) -> None:
    """They are small enough for a README, and show words, credit, packages and a month of use."""
    page = visits.begin(shop, width=1280, height=1020, talks=True).sign_in(member)
    page.get_by_role("button", name="Start").click()
    expect(words(page)).to_contain_text(" ".join(WORDS[:10]))
    expect(page.get_by_text("In use right now")).to_be_visible()
    directory = Path(os.environ.get("RELAYD_SCREENSHOTS", tmp_path))
    directory.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        # Both of them while somebody still speaks: with a word that may yet change.
        expect(words(page).locator(".interim").last).not_to_be_empty()
        path = directory / f"dashboard-{theme}.png"
        page.screenshot(path=path)
        assert path.stat().st_size <= PICTURE_BYTES
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Not in use")).to_be_visible()
