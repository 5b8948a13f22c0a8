"""axe-core in a page: what somebody with a screen reader or weak eyes would stumble over."""

from functools import cache
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

__all__ = ["violations"]

AXE: Final = Path(__file__).parent / "axe" / "axe.min.js"
# What axe calls minor and moderate is advice, and partly a matter of taste.
GRAVE: Final = {"serious", "critical"}


def violations(page: Page) -> list[str]:
    """Serious and critical violations in the page as it stands: the rule, and where."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(_source())
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
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
