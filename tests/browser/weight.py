"""What a page makes a browser fetch, in bytes on the wire."""

from typing import Any

import attrs
from playwright.sync_api import Page

__all__ = ["Weight"]


@attrs.define(eq=False, slots=False)  # Playwright hangs its wrapper of a method on the object
class Weight:
    """Counts from the moment it is put on; heads of answers and bodies as they were sent."""

    total_bytes: int = 0
    by_url: dict[str, int] = attrs.field(factory=dict)
    _urls: dict[str, str] = attrs.field(factory=dict)
    _sizes: dict[str, int] = attrs.field(factory=dict)

    def watch(self, page: Page) -> None:
        """Begin, with an empty cache."""
        wire = page.context.new_cdp_session(page)
        wire.on("Network.requestWillBeSent", self._asked)
        wire.on("Network.responseReceived", self._began)
        wire.on("Network.dataReceived", self._came)
        wire.on("Network.loadingFinished", self._ended)
        wire.send("Network.enable")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def _asked(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["request"]["url"]

    def _began(self, event: dict[str, Any]) -> None:
        self._count(event, event["response"]["encodedDataLength"])

    def _came(self, event: dict[str, Any]) -> None:
        self._count(event, event["encodedDataLength"])

    def _ended(self, event: dict[str, Any]) -> None:
        # The browser's own sum, in place of ours.
        known = self._sizes.get(event["requestId"], 0)
        self._count(event, int(event["encodedDataLength"]) - known)

    def _count(self, event: dict[str, Any], size: int) -> None:
        request = event["requestId"]
        url = self._urls.get(request, "")
        self._sizes[request] = self._sizes.get(request, 0) + size
        self.by_url[url] = self.by_url.get(url, 0) + size
        self.total_bytes += size
