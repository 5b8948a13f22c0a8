"""GET /docs: a page of our own files, that needs nothing from elsewhere."""

import gzip
import hashlib
import re

import pytest

from relayd.routes.reference import viewer_directory
from tests.routes.world import World, refusal


async def test_the_page() -> None:
    """It loads files of this server, and its policy allows nothing else."""
    world = World()
    response = await world.ask("/docs")
    page = (await response.get_data(as_text=True)).replace("\n", " ")
    assert response.content_type.startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert "/docs/start.js" in loaded
    for path in loaded:
        assert (await world.ask(path)).status_code == 200, path
    assert not re.search(r"<style|style=|<script>| on\w+=", page)
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("coding", ["gzip", "br, gzip;q=0.5", "*", "identity", "gzip;q=0", None])
async def test_compression(coding: str | None) -> None:
    """The viewer is sent as it is kept, or unpacked for who can't read that."""
    headers = {} if coding is None else {"Accept-Encoding": coding}
    response = await World().ask("/docs/swagger-ui.css", headers=headers)
    assert response.headers["Vary"] == "Accept-Encoding"
    content = await response.get_data(as_text=False)
    assert isinstance(content, bytes)
    packed = coding in {"gzip", "br, gzip;q=0.5", "*"}
    assert (response.headers.get("Content-Encoding") == "gzip") is packed
    assert b".swagger-ui" in (gzip.decompress(content) if packed else content)


@pytest.mark.parametrize("name", ["index.html", "README.md", "..", "..%2Fwebui%2FREADME.md"])
async def test_nothing_else_is_served(name: str) -> None:
    """A file is served because it is on the list, not because it is there."""
    assert await refusal(await World().ask(f"/docs/{name}")) == (404, "not_found")


@pytest.mark.parametrize("name", ["swagger-ui-bundle.js", "swagger-ui.css"])
def test_the_viewer_is_its_makers(name: str) -> None:
    """What is served is what its makers published, as the page beside it says."""
    kept = viewer_directory() / "viewer"
    content = gzip.decompress((kept / f"{name}.gz").read_bytes())
    written = (kept / "README.md").read_text(encoding="utf-8")
    assert f"| `{name}` | `{hashlib.sha256(content).hexdigest()}` |" in written
    assert (kept / "LICENSE").read_text(encoding="utf-8").lstrip().startswith("Apache License")
