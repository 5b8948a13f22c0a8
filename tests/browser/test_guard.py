"""What the other tests here rely on: the guard and axe see what they are there to see."""

from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.accessibility import violations
from tests.browser.guard import Guard

pytestmark = [pytest.mark.system, pytest.mark.browser]

OURS: Final = "http://shop.example"
GOOD: Final = "<!doctype html><html lang=en><title>Fine</title><main><h1>Fine</h1></main></html>"
BAD: Final = {
    "inline scripts": "<script>let a = 1</script>",
    "inline scripts, as attributes": "<button onclick='this'>x</button>",
    "requests to other hosts": "<img src='http://tracker.example/1.gif' alt=''>",
    "undeclared errors": "<script src='data:text/javascript,console.error(1)'></script>",
    "undeclared errors, not caught": "<script src='data:text/javascript,nowhere()'></script>",
}


def show(browser: Browser, html: str) -> tuple[Page, Guard]:
    """A page of ours with this in it, under guard."""
    context = browser.new_context()
    guard = Guard(OURS)
    guard.watch(context)
    context.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html"))
    page = context.new_page()
    page.goto(OURS)
    return page, guard


@pytest.mark.parametrize("what", BAD)
def test_the_guard_sees(browser: Browser, what: str) -> None:
    """Each of the things that no page of ours may do fails the check."""
    page, guard = show(browser, GOOD + BAD[what])
    page.context.close()
    with pytest.raises(AssertionError, match=what.split(",", maxsplit=1)[0]):
        guard.check()


def test_the_guard_lets_pass(browser: Browser) -> None:
    """A page without any of that is well."""
    page, guard = show(browser, GOOD)
    page.context.close()
    guard.check()


def test_a_declared_error_must_come(browser: Browser) -> None:
    """A test that expects an error fails where there is none."""
    page, guard = show(browser, GOOD)
    guard.expect("401")
    page.context.close()
    with pytest.raises(AssertionError, match="did not come"):
        guard.check()


def test_axe_sees(browser: Browser) -> None:
    """Text that is hard to read and a field without a name are grave, a good page is not."""
    page, _ = show(browser, GOOD)
    assert violations(page) == []
    page.set_content(f"{GOOD}<p style='color:#999;background:#fff'>pale</p><input>")
    found = [one.partition(":")[0] for one in violations(page)]
    assert found == ["color-contrast", "label"]
    page.context.close()
