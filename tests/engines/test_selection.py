"""Which engine serves: the configured one, else the best that can."""

from pathlib import Path

import attrs
import pytest

from relayd.engines import selection
from relayd.engines.failover.engine import Failover
from relayd.engines.failover.standings import Standings
from relayd.engines.local.pool import WorkerPool
from relayd.engines.moonshine import MOONSHINE
from relayd.engines.selection import (
    LOCAL,
    best_local,
    choose_engine,
    models_for_sale,
    open_engines,
)
from relayd.engines.sphinx import SPHINX
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.websocket.pump import open_pump
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


@pytest.fixture
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local engines that start nothing."""
    monkeypatch.setattr(WorkerPool, "_refill", lambda _: None)


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


def test_several_serve_in_the_order_that_is_configured(tmp_path: Path) -> None:
    """And what each of them sells is for sale."""
    config = read(tmp_path, f'[engine]\nengines = ["deepgram", "sphinx"]\n{KEY}')
    choice = choose_engine(config)
    assert (str(choice), choice.reason) == ("deepgram, then sphinx", "engine.engines says so")
    assert [one.name for one in models_for_sale(config)] == ["nova-3", "nova-3", "nova-2", "sphinx"]


@pytest.mark.parametrize(("listed", "taking_turns"), [(["sphinx"], False), (None, True)])
async def test_one_engine_takes_no_turns(
    listed: list[str] | None, taking_turns: bool, tmp_path: Path, without_processes: None
) -> None:
    """Whoever has one has it bare, with nothing kept for another."""
    names = listed or ["deepgram", "sphinx"]
    config = read(tmp_path, f"[engine]\nengines = {names}\n{KEY}")
    async with open_pump() as pump, open_engines(config, pump, Standings()) as engine:
        assert isinstance(engine, Failover) is taking_turns
        plan = engine.plan({})
        assert isinstance(plan, StreamPlan)
        assert (plan.engine, len(plan.turns)) == (names[0], 2 if taking_turns else 0)


async def test_an_engine_takes_what_the_first_can_not(
    tmp_path: Path, without_processes: None
) -> None:
    """Each configuration has the engines that can do it; where none can, the first says why."""
    config = read(tmp_path, f'[engine]\nengines = ["sphinx", "deepgram"]\n{KEY}')
    async with open_pump() as pump, open_engines(config, pump, Standings()) as engine:
        german, neither = engine.plan({"language": "de"}), engine.plan({"callback": "x"})
    assert isinstance(german, StreamPlan)
    assert [one.engine for one in german.turns] == ["deepgram"]
    assert isinstance(neither, ConfigRefusal)
