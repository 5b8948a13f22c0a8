"""A person's browser: a context of its own on one daemon, under guard."""

from typing import Final, Literal

import attrs
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.browser.daemons import Daemon
from tests.browser.guard import Guard
from tests.browser.people import Person

__all__ = ["Theme", "Visit", "Visits"]

Theme = Literal["light", "dark"]
# Generous, since it is only ever waited for where something is broken.
WAIT_MS: Final = 10_000


@attrs.define(eq=False)
class Visit:
    """One browser context and its first page."""

    context: BrowserContext
    page: Page
    guard: Guard
    url: str

    def open(self, path: str = "/") -> Page:
        """Go to a page of the daemon."""
        self.page.goto(f"{self.url}{path}")
        return self.page

    def sign_in(self, person: Person, password: str | None = None) -> Page:
        """Sign in by hand and be on the dashboard; with a password that is wrong, stay."""
        page = self.open("/signin")
        page.get_by_label("Email address").fill(person.email)
        page.get_by_label("Password").fill(password or person.password)
        page.get_by_role("button", name="Sign in").click()
        if password is None:
            expect(page.get_by_role("heading", name="Minutes left")).to_be_visible()
        return page

    def another_page(self) -> Page:
        """A second tab."""
        return self.context.new_page()

    def expect_no_other_tab(self) -> None:
        """None is left beside the first: one that a page opened and closes is given its moment."""
        for page in self.context.pages:
            if page is not self.page:
                page.wait_for_event("close")
        assert self.context.pages == [self.page]


@attrs.define(eq=False)
class Visits:
    """Opens browsers; what must hold of every page is checked when they close."""

    browser: Browser
    opened: list[Visit] = attrs.field(factory=list)

    def begin(
        self,
        serving: Daemon,
        *,
        theme: Theme = "light",
        width: int = 1440,
        height: int = 900,
        talks: bool = False,
        elsewhere: tuple[str, ...] = (),
    ) -> Visit:
        """A fresh browser that knows nobody. ``talks``: the microphone is granted."""
        size = ViewportSize(width=width, height=height)
        # What moves for ever is drawn sixty times a second, and nobody looks.
        context = self.browser.new_context(
            viewport=size, color_scheme=theme, reduced_motion="reduce"
        )
        context.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        if talks:
            context.grant_permissions(["microphone"], origin=serving.url)
        guard = Guard(serving.url, serving.elsewhere + elsewhere)
        guard.watch(context)
        self.opened.append(Visit(context, context.new_page(), guard, serving.url))
        return self.opened[-1]

    def end(self) -> None:
        """Close them all, and say what was wrong."""
        for visit in self.opened:
            visit.context.close()
        for visit in self.opened:
            visit.guard.check()
