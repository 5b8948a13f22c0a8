"""What an installed relayd finds: all that lies beside the package in a checkout."""

import shutil
import tomllib
from pathlib import Path
from typing import Final

import pytest

import relayd
from relayd.database import migrate
from relayd.routes.pages.website import Website, webui_directory
from tests.house.tree import ROOT

WHEEL: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "hatch"
]["build"]["targets"]["wheel"]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's directory as a wheel makes it, without the modules."""
    for source, target in WHEEL["force-include"].items():
        shutil.copytree(ROOT / source, tmp_path / target)
    monkeypatch.setattr(relayd, "__file__", str(tmp_path / "relayd" / "__init__.py"))
    return tmp_path / "relayd"


def test_the_schema_comes_along(installed: Path) -> None:
    """Migrations are looked for where the wheel puts them."""
    assert migrate.schema_directory() == installed / "schema"
    names = sorted(one.name for one in migrate.schema_directory().iterdir())
    assert names == sorted(one.name for one in (ROOT / "schema").iterdir())


def test_the_pages_come_along(installed: Path) -> None:
    """So are the pages, and they are those of the checkout."""
    assert webui_directory() == installed / "webui"
    website = Website.load(webui_directory())
    assert website.digest == Website.load(ROOT / "webui").digest
    assert {"index", "app", "docs", "404"} == set(website.pages)


def test_nothing_else_is_read_from_beside_the_package() -> None:
    """A module that finds files by its own place finds them in the package, or here is a test."""
    found = {
        path.relative_to(ROOT / "relayd").as_posix()
        for path in (ROOT / "relayd").rglob("*.py")
        if "__file__" in path.read_text(encoding="utf-8")
    }
    assert found == {"database/migrate.py", "routes/pages/website.py"}
    assert WHEEL["packages"] == ["relayd"]
