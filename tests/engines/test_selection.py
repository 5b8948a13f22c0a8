"""Which engine serves: the configured one, else the best that can."""

from pathlib import Path

import attrs
import pytest

from relayd.engines import selection
from relayd.engines.moonshine import MOONSHINE
from relayd.engines.selection import LOCAL, best_local, choose_engine
from relayd.engines.sphinx import SPHINX
from tests.config.files import read

KEY = '[engines.deepgram]\napi_key = "k"\n'


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no local engine is installed."""
    absent = {n: attrs.evolve(one, packages=("no_such_package",)) for n, one in LOCAL.items()}
    monkeypatch.setattr(selection, "LOCAL", absent)


@pytest.fixture
def without_moonshine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no package of Moonshine."""
    absent = attrs.evolve(MOONSHINE, packages=("no_such_package",))
    monkeypatch.setattr(selection, "LOCAL", {"moonshine": absent, "sphinx": SPHINX})


def test_deepgram_serves_where_its_key_is_set(tmp_path: Path) -> None:
    """A key is what an operator sets to have it used."""
    choice = choose_engine(read(tmp_path, KEY))
    assert (choice.name, choice.reason) == ("deepgram", "engines.deepgram.api_key is set")


def test_what_is_configured_serves(tmp_path: Path) -> None:
    """Whatever else there is."""
    choice = choose_engine(read(tmp_path, f'[engine]\ndefault = "sphinx"\n{KEY}'))
    assert (choice.name, choice.reason) == ("sphinx", "engine.default is 'sphinx'")


@pytest.mark.usefixtures("without_moonshine")
def test_sphinx_stands_in(tmp_path: Path) -> None:
    """Without a key and without better, and the reason says what would be better."""
    choice = choose_engine(read(tmp_path, ""))
    assert choice.name == "sphinx"
    assert "extra `moonshine`" in choice.reason


@pytest.mark.usefixtures("bare")
def test_one_is_named_where_none_is_installed() -> None:
    """So that its opening can say what is missing."""
    assert best_local() == "sphinx"


def test_moonshine_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the local engines, the one with the better words serves where it is installed."""
    installed = {name: attrs.evolve(one, packages=("relayd",)) for name, one in LOCAL.items()}
    monkeypatch.setattr(selection, "LOCAL", installed)
    choice = choose_engine(read(tmp_path, ""))
    assert choice.name == "moonshine"
    assert "not set" in choice.reason
