"""The examples of /docs: copied as they stand there, they work."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.chromium import RECORDING
from tests.browser.daemons import WORDS, Daemon, free_port, open_daemon
from tests.browser.people import Person, grant
from tests.browser.visits import Visit, Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

RUN_SECONDS: Final = 60
# Somebody's own page, with the example beside it.
THEIR_PAGE: Final = "<!doctype html><html lang=en><title>Theirs</title><link rel=icon href=data:,>"
DICTATE: Final = """async ([email, password]) => {
  const { signIn, dictate } = await import("/dictate.js");
  window.heard = [];
  const token = await signIn(email, password);
  window.dictation = await dictate(token, (text, final) => window.heard.push([text, final]));
}"""
FINISH: Final = """async () => {
  window.dictation.stop();
  return [await window.dictation.ended, window.heard];
}"""


def copied(visit: Visit, name: str) -> str:
    """What the page's button puts into the clipboard."""
    permissions = ["clipboard-read", "clipboard-write"]
    visit.context.grant_permissions(permissions, origin=visit.url)
    page = visit.open("/docs#examples")
    page.get_by_role("button", name=f"Copy {name}").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_the_python_one(visits: Visits, shop: Daemon, person: Person, tmp_path: Path) -> None:
    """A program of its own signs in, streams a recording and prints the words."""
    grant(shop.database_url, person, 600)
    path = tmp_path / "stream.py"
    path.write_text(copied(visits.begin(shop), path.name), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own example
        [sys.executable, str(path), person.email, str(RECORDING)],
        env={**os.environ, "RELAYD_PASSWORD": person.password},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stdout.split()).startswith(" ".join(WORDS[:10]))
    assert done.stderr.startswith("completed, ")


def test_the_javascript_one(
    visits: Visits, shared_database_url: str, engine: dict[str, str], person: Person
) -> None:
    """A page of somebody else's, which the operator allows, dictates with it."""
    grant(shared_database_url, person, 600)
    theirs = f"http://localhost:{free_port()}"
    settings = {**engine, "RELAYD_SERVER__ORIGINS": theirs}
    with open_daemon(shared_database_url, **settings) as serving:
        visit = visits.begin(serving, elsewhere=(theirs,))
        code = copied(visit, "dictate.js")
        visit.context.grant_permissions(["microphone"], origin=theirs)
        page = their_page(visit, theirs, code)
        page.evaluate(DICTATE, [person.email, person.password])
        page.wait_for_function("window.heard.filter(([, final]) => final).length > 1")
        end, heard = page.evaluate(FINISH)
        assert end["reason"] == "completed"
        words = " ".join(text for text, final in heard if final)
        assert words.startswith(" ".join(WORDS[:8]))
        assert any(not final for _, final in heard)


def their_page(visit: Visit, origin: str, code: str) -> Page:
    """A page of this origin, which is served by the test."""

    def answer(route: Route) -> None:
        if route.request.url.endswith("/dictate.js"):
            route.fulfill(content_type="text/javascript", body=code)
        else:
            route.fulfill(content_type="text/html", body=THEIR_PAGE)

    visit.context.route(f"{origin}/**", answer)
    page = visit.another_page()
    page.goto(f"{origin}/")
    return page
