"""The words of a talk: kept by the browser, saved as files, forgotten when asked to be."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import APIRequestContext, Page, expect

from tests.browser.accessibility import expect_fit
from tests.browser.board import talk, talk_notice, talk_state, words
from tests.browser.daemons import WORDS, Daemon, open_daemon
from tests.browser.people import Person, grant, register
from tests.browser.visits import Visit, Visits

pytestmark = [pytest.mark.system, pytest.mark.browser]

OPENING = " ".join(WORDS[:6])
CUE = re.compile(r"(\d+)\n(\d\d:\d\d:\d\d,\d{3}) --> (\d\d:\d\d:\d\d,\d{3})\n((?:.+\n){1,2})")
# What the browser holds, whatever the page shows of it.
STORED = """() => new Promise((resolve) => {
  const request = indexedDB.open("relayd-words");
  request.onsuccess = () => {
    const counted = [...request.result.objectStoreNames].map((name) => new Promise((told) => {
      const asked = request.result.transaction(name).objectStore(name).count();
      asked.onsuccess = () => told(asked.result);
    }));
    Promise.all(counted).then((sums) => { request.result.close(); resolve(sums); });
  };
})"""


def say_something(page: Page, line: int = 0) -> None:
    """Talk until the first words are there, in this line, and stop."""
    page.get_by_role("button", name="Start").click()
    expect(words(page).locator("p").nth(line)).to_contain_text(OPENING)
    page.get_by_role("button", name="Stop").click()
    expect(talk_state(page)).to_have_text(re.compile("Finished"))


def spoken(visits: Visits, shop: Daemon, person: Person) -> Visit:
    """A browser in which this person has said something."""
    grant(shop.database_url, person, 600)
    visit = visits.begin(shop, talks=True)
    say_something(visit.sign_in(person))
    return visit


def saved(page: Page, button: str, directory: Path) -> tuple[str, str]:
    """The name and the text of the file that a button saves."""
    with page.expect_download() as begun:
        talk(page).get_by_role("button", name=button).first.click()
    path = directory / begun.value.suggested_filename
    begun.value.save_as(path)
    return path.name, path.read_text(encoding="utf-8")


def test_words_survive(visits: Visits, shop: Daemon, person: Person) -> None:
    """They are there after another view, a reload and in another tab, and the page says so."""
    visit = spoken(visits, shop, person)
    page = visit.page
    expect(page.get_by_text("kept in this browser alone")).to_be_visible()
    page.get_by_role("link", name="Account").click()
    page.get_by_role("link", name="Dashboard").click()
    expect(words(page)).to_contain_text(OPENING)
    page.reload()
    expect(words(page)).to_contain_text(OPENING)
    other = visit.another_page()
    other.goto(f"{shop.url}/dashboard")
    expect(words(other)).to_contain_text(OPENING)


def test_a_talk_goes_on_where_its_words_end(visits: Visits, shop: Daemon, person: Person) -> None:
    """Starting again writes below what stands there, also after a reload."""
    page = spoken(visits, shop, person).page
    page.reload()
    expect(words(page)).to_contain_text(OPENING)
    say_something(page, line=1)
    expect(words(page).locator("p").first).to_contain_text(OPENING)


def test_earlier_talks(visits: Visits, shop: Daemon, person: Person) -> None:
    """A new talk leaves the former ones in a list, where each can be read and forgotten."""
    page = spoken(visits, shop, person).page
    page.get_by_role("button", name="New talk").click()
    expect(words(page)).to_have_text("")
    say_something(page)
    page.get_by_text("Earlier talks (1)").click()
    page.get_by_role("listitem").filter(has_text=WORDS[0]).locator("summary").click()
    expect(page.get_by_role("listitem").filter(has_text=OPENING)).to_be_visible()
    expect_fit(page)
    page.get_by_role("listitem").get_by_role("button", name="Forget").click()
    expect_fit(page)
    page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    expect(page.get_by_text("Earlier talks")).to_be_hidden()
    expect(words(page)).to_contain_text(OPENING)


def test_forgetting(visits: Visits, shop: Daemon, person: Person) -> None:
    """Asked once more, nothing of the words is left in the browser; asked and kept, all of it."""
    page = spoken(visits, shop, person).page
    page.get_by_role("button", name="Forget").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep them").click()
    expect(words(page)).to_contain_text(OPENING)
    page.get_by_role("button", name="Forget").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    expect(words(page)).to_have_text("")
    expect(page.get_by_role("button", name="Start")).to_be_focused()
    page.wait_for_function(f"async () => String(await ({STORED})()) === '0,0'")


def test_saved_as_text(visits: Visits, shop: Daemon, person: Person, tmp_path: Path) -> None:
    """The file has every word that the page shows, named for its day."""
    page = spoken(visits, shop, person).page
    name, text = saved(page, "Save as text", tmp_path)
    assert re.fullmatch(r"talk \d{4}-\d\d-\d\d \d\d\.\d\d\.txt", name)
    assert text.split() == words(page).inner_text().split()


def test_saved_as_subtitles(visits: Visits, shop: Daemon, person: Person, tmp_path: Path) -> None:
    """The file is SubRip: numbered, never backwards, every word, a second talk after the first."""
    page = spoken(visits, shop, person).page
    say_something(page, line=1)
    name, text = saved(page, "Save as subtitles", tmp_path)
    assert name.endswith(".srt")
    cues = CUE.findall(text)
    assert (
        "\n".join(f"{number}\n{start} --> {end}\n{said}" for number, start, end, said in cues)
        == text
    )
    assert [int(number) for number, *_ in cues] == list(range(1, len(cues) + 1))
    times = [time for _, start, end, _ in cues for time in (start, end)]
    assert times == sorted(times)
    assert " ".join(said for *_, said in cues).split() == words(page).inner_text().split()


def test_grey_words_stay_when_the_connection_is_lost(
    visits: Visits, shared_database_url: str, engine: dict[str, str], person: Person
) -> None:
    """What was heard and not yet final is not taken away, neither then nor by a reload."""
    grant(shared_database_url, person, 600)
    with open_daemon(shared_database_url, **engine) as serving:
        visit = visits.begin(serving, talks=True)
        page = visit.sign_in(person)
        page.get_by_role("button", name="Start").click()
        expect(words(page).locator(".interim").last).not_to_be_empty()
        serving.child.kill()
        expect(talk_state(page)).to_contain_text("The connection was lost. Speak on")
        page.get_by_role("button", name="Stop").click()
        expect(talk_notice(page)).to_contain_text("The connection was lost. Your words are kept.")
        grey = words(page).locator(".final .interim")
        expect(grey).to_be_visible()
        heard = grey.inner_text()
        assert heard.split() == [*WORDS[: len(heard.split())]]
        serving.start()
        page.reload()
        expect(grey).to_have_text(heard)
        visit.guard.allow("net::ERR_")
        visit.guard.allow("WebSocket connection")
        visit.guard.allow(f"503 () ({serving.url}/account/events)")


def test_words_belong_to_an_account(
    visits: Visits, shop: Daemon, person: Person, caller: APIRequestContext
) -> None:
    """Who signs in afterwards in the same browser doesn't see them; their speaker does again."""
    visit = spoken(visits, shop, person)
    page = visit.page
    page.get_by_role("button", name="Sign out").click()
    expect_fit(page)
    page.get_by_role("dialog").get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    visit.sign_in(register(caller, shop.url))
    expect(words(page)).to_have_text("")
    expect(page.get_by_text("Earlier talks")).to_be_hidden()
    page.get_by_role("button", name="Sign out").click()
    visit.sign_in(person)
    expect(words(page)).to_contain_text(OPENING)


def test_signing_out_can_forget(visits: Visits, shop: Daemon, person: Person) -> None:
    """On somebody else's computer one leaves nothing behind."""
    page = spoken(visits, shop, person).page
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out and forget").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert page.evaluate(STORED) == [0, 0]
