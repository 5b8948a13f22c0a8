"""The pages: what browsers are told about them, and that all they refer to is there."""

import gzip
import re
from pathlib import Path

import pytest
from quart import Response

from relayd.config import Seller
from relayd.errors import OperatorError
from relayd.routes.pages.website import Website, webui_directory
from tests.house.tree import ROOT
from tests.routes.document import operations
from tests.routes.world import World, refusal

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = [
    "/",
    "/register",
    "/signin",
    "/dashboard",
    "/keys",
    "/account",
    "/operator",
    "/billing/success?session_id=cs_1",
]
PAGES += ["/billing/cancel", "/docs"]
WEBUI = ROOT / "webui"
MODULES = sorted((WEBUI / "assets").glob("*.js"))
DOCUMENTS = sorted(WEBUI.glob("*.html"))
# What the dashboard doesn't load.
# Places of /docs that are there once it has loaded.
MADE_BY_SCRIPT = {one["operationId"] for one in operations().values()}


async def page(path: str, world: World | None = None, **headers: str) -> Response:
    """What a browser gets that goes there."""
    return await (world or World()).ask(path, headers=BROWSER | headers)


@pytest.mark.parametrize("path", PAGES)
async def test_pages(path: str) -> None:
    """Each page is HTML that may be kept but is asked about, under the strict policy."""
    world = World(own_origins=("https://relay.example", "http://localhost"))
    response = await page(path, world, Host="relay.example")
    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    policy = dict(
        part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self' wss://relay.example",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }


@pytest.mark.parametrize("path", ["/", "/health/live", "/nowhere", "/account/me"])
async def test_security_headers(path: str) -> None:
    """Every answer says what a browser may do with it, a refusal too."""
    headers = (await page(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "microphone=(self)" in headers["Permissions-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("origins", "strict"),
    [
        ((), False),
        (("http://127.0.0.1:8080", "http://localhost:8080"), False),
        (("https://relay.example",), True),
    ],
)
async def test_strict_transport(origins: tuple[str, ...], strict: bool) -> None:
    """Browsers are told to stay with https where that is how the server is reached."""
    response = await page("/", World(own_origins=origins))
    assert ("Strict-Transport-Security" in response.headers) is strict


async def test_facts_for_programs() -> None:
    """The bare address is a page for people, and JSON for who asks for that."""
    seller = Seller(name="Ada & Co", contact="help@a.example", terms_url="https://a.example/t")
    world = World(repository_url="https://git.example/relayd", seller=seller)
    asked = await world.ask("/", headers={"Accept": "application/json"})
    assert asked.content_type == "application/json"
    assert asked.headers["Vary"] == "Accept"
    body = await asked.get_json()
    assert body["repository_url"] == "https://git.example/relayd"
    assert body["seller"] == {
        "name": "Ada & Co",
        "contact": "help@a.example",
        "terms_url": "https://a.example/t",
        "privacy_url": "",
    }
    assert (await page("/")).content_type.startswith("text/html")


async def test_nothing_there() -> None:
    """A person gets a page that leads back, a program the code."""
    response = await page("/nowhere")
    assert response.status_code == 404
    assert b'href="/"' in await response.get_data(as_text=False)
    assert await refusal(await World().ask("/nowhere")) == (404, "not_found")


def prefix() -> str:
    """Where the assets of this version are."""
    return f"/assets/{Website.load(webui_directory()).digest}"


async def test_assets_are_kept() -> None:
    """An asset of this version never changes; of any other version it is asked about."""
    world = World()
    response = await world.ask(f"{prefix()}/style.css")
    assert response.content_type == "text/css; charset=utf-8"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    older = await world.ask("/assets/0123456789abcdef/style.css")
    assert older.headers["Cache-Control"] == "no-cache"
    assert await older.get_data() == await response.get_data()


async def test_the_icon_of_what_is_no_page() -> None:
    """A browser that shows JSON finds an icon where it looks by itself."""
    world = World()
    response = await world.ask("/favicon.ico")
    assert response.content_type == "image/svg+xml"
    icon = await world.ask(f"{prefix()}/icon.svg")
    assert await response.get_data() == await icon.get_data()


@pytest.mark.parametrize("path", ["/dashboard", "/assets/any/style.css"])
async def test_asked_again(path: str) -> None:
    """Who has it already gets no body, in each of the two encodings with its own tag."""
    world = World()
    plain = await world.ask(path)
    squeezed = await world.ask(path, headers={"Accept-Encoding": "gzip, br"})
    assert plain.headers["ETag"] != squeezed.headers["ETag"]
    assert gzip.decompress(await squeezed.get_data(as_text=False)) == await plain.get_data(
        as_text=False
    )
    assert "Accept-Encoding" in squeezed.headers["Vary"]
    again = await world.ask(path, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, await again.get_data(as_text=False)) == (304, b"")
    other = await world.ask(path, headers={"If-None-Match": squeezed.headers["ETag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "../app.html",
        "..%2fapp.html",
        "%2e%2e/%2e%2e/pyproject.toml",
        "....//app.html",
        "/etc/passwd",
        "style.css/",
        "style.css%00",
        "index.html",
        "STYLE.CSS",
        "",
    ],
)
async def test_no_way_out(name: str) -> None:
    """Only the exact names of assets are served, whatever the path says."""
    response = await World().ask(f"/assets/x/{name}")
    assert response.status_code == 404
    assert b"[project]" not in await response.get_data(as_text=False)


@pytest.mark.parametrize("document", DOCUMENTS, ids=[one.name for one in DOCUMENTS])
async def test_documents_refer_to_what_is_there(document: Path) -> None:
    """Every link leads to a page or an asset of ours; nothing names another host or runs inline."""
    website = Website.load(webui_directory())
    served = website.pages[document.stem].body.decode()
    world = World()
    found = set(re.findall(r'(?:href|src)="([^"]+)"', served))
    assert found
    for one in found:
        path, _, place = one.partition("#")
        assert one.startswith(("/", "#")), one
        answer = await page(path or "/", world)
        assert answer.status_code == 200, one
        text = await answer.get_data() if path else served.encode()
        assert not place or place in MADE_BY_SCRIPT or f'id="{place}"'.encode() in text, one
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|javascript:", served)
    assert "//" not in served.replace("<!doctype html>", "")


@pytest.mark.parametrize("module", MODULES, ids=[one.name for one in MODULES])
def test_modules_import_each_other(module: Path) -> None:
    """A module imports only its neighbours, and makes no markup or code out of text."""
    source = module.read_text(encoding="utf-8")
    for imported in re.findall(r'(?:from|import)\s+"([^"]+)"', source):
        assert re.fullmatch(r"\./[a-z-]+\.js", imported), imported
        assert (WEBUI / "assets" / imported).is_file(), imported
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "new Function"):
        assert unsafe not in source
    # No storage: what is in it is any script's to read.
    assert "localStorage" not in source
    assert "sessionStorage" not in source


def test_first_load_is_light() -> None:
    """The dashboard with everything it needs stays below 160 KB, even where nothing is squeezed."""
    website = Website.load(webui_directory())
    fetched = {"style.css", "icon.svg", "capture.js", *imported_from("app.js")}
    weight = sum(len(website.assets[name].body) for name in fetched)
    assert weight + len(website.pages["app"].body) < 160_000


def imported_from(name: str) -> set[str]:
    """A module, and what comes with it; what is imported by `import()` comes when it is wanted."""
    found, waiting = set(), {name}
    while waiting:
        found.add(one := waiting.pop())
        source = (WEBUI / "assets" / one).read_text(encoding="utf-8")
        waiting |= set(re.findall(r'from\s+"\./([^"]+)"', source)) - found
    return found


def test_no_pages() -> None:
    """A broken installation is said at the start, not by empty pages."""
    with pytest.raises(OperatorError, match="no web pages"):
        Website.load(WEBUI / "assets")
