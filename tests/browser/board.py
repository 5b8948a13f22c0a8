"""Where things are on the dashboard, as the tests look for them."""

from playwright.sync_api import Locator, Page

__all__ = [
    "figure",
    "seconds_left",
    "sessions",
    "talk",
    "talk_notice",
    "talk_state",
    "warnings",
    "words",
]


def figure(page: Page) -> Locator:
    """What is left, as a screen reader says it: "10 minutes and 0 seconds"."""
    return page.locator("[data-figure-words]")


def seconds_left(page: Page) -> int:
    """What is left, as the large figure shows it: 10:00."""
    minutes = page.locator("[data-minutes]").inner_text().replace(",", "")
    return int(minutes) * 60 + int(page.locator("[data-seconds]").inner_text().lstrip(":"))


def sessions(page: Page) -> Locator:
    """The rows of the last sessions, newest first."""
    return page.get_by_role("region", name="Last sessions").locator("tbody tr")


def talk(page: Page) -> Locator:
    """The part of the dashboard where one talks."""
    return page.get_by_role("region", name="Talk", exact=True)


def words(page: Page) -> Locator:
    """What was heard, interim words too."""
    return page.get_by_role("log", name="Words")


def talk_state(page: Page) -> Locator:
    """What the microphone does."""
    return page.locator("[data-talk-state]")


def talk_notice(page: Page) -> Locator:
    """What went wrong while talking."""
    return page.locator("[data-warning='talk']")


def warnings(page: Page) -> Locator:
    """The warnings that are seen, wherever on the page."""
    return page.locator("[data-warning]").filter(visible=True)
