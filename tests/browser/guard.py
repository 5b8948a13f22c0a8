"""What must be true of every page that a test opens, whatever the test is about.

No request to another host, no inline script, no error in the console. A test that means an
error, such as a refused password, says so.
"""

import json
from typing import Final
from urllib.parse import urlsplit

import attrs
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError, WebSocket

__all__ = ["Guard"]

# Runs in every document before its own scripts. Scripts without a file and handlers in
# attributes would need an exception in the content security policy.
_INLINE: Final = """
addEventListener("load", () => {
  if (location.origin !== OURS) return;
  const handlers = [...document.querySelectorAll("*")].filter((one) =>
    [...one.attributes].some(({ name }) => name.startsWith("on")));
  const scripts = [...document.querySelectorAll("script")].filter((one) => !one.src &&
    !["application/json", "application/ld+json"].includes(one.type));
  for (const one of [...handlers, ...scripts]) reportInline(one.outerHTML.slice(0, 200));
});
addEventListener("securitypolicyviolation", (event) =>
  reportInline(`${event.violatedDirective} ${event.blockedURI}`));
"""


@attrs.define(eq=False, slots=False)  # Playwright hangs its wrapper of a method on the object
class Guard:
    """Watches one browser context. ``elsewhere`` is where our pages may send a person."""

    ours: str
    elsewhere: tuple[str, ...] = ()
    errors: list[str] = attrs.field(factory=list)
    outside: list[str] = attrs.field(factory=list)
    inline: list[str] = attrs.field(factory=list)
    _meant: set[str] = attrs.field(factory=set)
    _allowed: set[str] = attrs.field(factory=set)

    def watch(self, context: BrowserContext) -> None:
        """Begin, before its first page."""
        context.expose_function("reportInline", self._found_inline)
        context.add_init_script(_INLINE.replace("OURS", json.dumps(self.ours)))
        context.on("console", self._said)
        context.on("weberror", self._failed)
        context.on("request", self._requested)
        context.on("page", self._opened)

    def expect(self, text: str) -> None:
        """Declare an error in the console; it must come, once or more."""
        self._meant.add(text)

    def allow(self, text: str) -> None:
        """Declare an error in the console that may come any number of times, or not at all."""
        self._allowed.add(text)

    def check(self) -> None:
        """At the end of a test, whose pages are still open."""
        missing = [one for one in self._meant if not any(one in error for error in self.errors)]
        assert not missing, f"declared and did not come: {missing}, but {self.errors}"
        known = self._meant | self._allowed
        errors = [one for one in self.errors if not any(text in one for text in known)]
        assert not errors, f"undeclared errors in the console: {errors}"
        assert not self.outside, f"requests to other hosts: {self.outside}"
        assert not self.inline, f"inline scripts: {self.inline}"

    def _found_inline(self, what: str) -> None:
        self.inline.append(what)

    def _said(self, message: ConsoleMessage) -> None:
        where = message.location["url"]
        if message.type == "error" and origin(where) not in self.elsewhere:
            self.errors.append(f"{message.text} ({where})")

    def _failed(self, error: WebError) -> None:
        self.errors.append(str(error.error))

    def _requested(self, request: Request) -> None:
        where = origin(request.url)
        if where in {self.ours, "data://", "blob://"}:
            return
        allowed = where in self.elsewhere and (
            request.is_navigation_request() or origin(request.frame.url) in self.elsewhere
        )
        if not allowed:
            self.outside.append(request.url)

    def _opened(self, page: Page) -> None:
        page.on("websocket", self._connected)

    def _connected(self, websocket: WebSocket) -> None:
        if origin(websocket.url).replace("ws", "http", 1) != self.ours:
            self.outside.append(websocket.url)


def origin(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
