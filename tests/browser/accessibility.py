"""axe-core in a page: what somebody with a screen reader or weak eyes would stumble over."""

from functools import cache
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, ViewportSize

__all__ = ["expect_fit", "violations"]

AXE: Final = Path(__file__).parent / "axe" / "axe.min.js"
# What axe calls minor and moderate is advice, and partly a matter of taste.
GRAVE: Final = {"serious", "critical"}
# 320 is what a wide page is cut to at 400 percent (WCAG 2.2, 1.4.10).
WIDTHS: Final = (320, 1440)
# What sticks out to the right of the window, where the page is wider than that.
_WIDE: Final = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("body *")].filter((one) =>
    one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 100))"""
# What a finger is to hit: 44 CSS pixels each way (WCAG 2.2, 2.5.5). A link within a sentence is as
# high as its line, as that rule allows.
_SMALL: Final = """() => [...document.querySelectorAll("a, button, input, textarea, summary")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => !one.matches(
    ".unseen, .skip, :is(p, li, dd):not(.bottom p, .legal) > a:not(.button)"))
  .filter((one) => { const { width, height } = one.getBoundingClientRect();
    return width < 44 || height < 44; })
  .map((one) => one.outerHTML.slice(0, 100))"""


def expect_fit(page: Page, *, within: str = "html") -> None:
    """No grave violation of axe's rules, nothing to scroll sideways for, nothing hard to hit.

    axe looks ``within`` this selector alone: all of a page is seconds of work where it is long.
    """
    for width in WIDTHS:
        page.set_viewport_size(ViewportSize(width=width, height=900))
        assert page.evaluate(_WIDE) == [], f"{page.url} at {width}"
        assert page.evaluate(_SMALL) == [], f"{page.url} at {width}"
        page.emulate_media(color_scheme="light")
        assert violations(page, within=within) == [], f"{page.url}, light, {width}"
        # The theme changes colours and nothing else.
        page.emulate_media(color_scheme="dark")
        assert violations(page, "color-contrast", within=within) == [], f"{page.url}, dark, {width}"


def violations(page: Page, *rules: str, within: str = "html") -> list[str]:
    """Serious and critical violations in the page as it stands, of these rules or of all."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(_source())
    options = {"resultTypes": ["violations"]} | ({"runOnly": [*rules]} if rules else {})
    found = page.evaluate("([place, options]) => axe.run(place, options)", [within, options])
    return [
        f"{one['id']}: {one['help']}: {', '.join(str(node['target']) for node in one['nodes'])}"
        for one in found["violations"]
        if one["impact"] in GRAVE
    ]


@cache
def _source() -> str:
    # Through the debugger, past the content security policy, which would rightly refuse it. The
    # last expression would be a function's value, and that can't be handed over.
    return AXE.read_text(encoding="utf-8") + "\n;undefined"
