"""What an operator is told of the engines for streams, their order and their prices."""

from pathlib import Path

import pytest

from relayd.checks import engine
from relayd.config import Config, Engines
from tests.config.files import read

KEY = '[engines.deepgram]\napi_key = "k"\n'


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines that were tried, none of which is."""
    names: list[str] = []

    async def check(name: str, engines: Engines) -> str | None:
        names.append(name)
        return "no key" if name == "deepgram" else None

    monkeypatch.setattr(engine, "check_engine", check)
    return names


def several(tmp_path: Path, more: str = "") -> Config:
    """Deepgram, and an engine on this machine behind it."""
    return read(tmp_path, f'[engine]\nengines = ["deepgram", "sphinx"]\n{KEY}{more}')


async def test_one_engine_is_named_with_its_reason(tmp_path: Path) -> None:
    """And with what its models cost."""
    found = await engine.judge(read(tmp_path, '[engine]\ndefault = "sphinx"'), "sphinx")
    assert (found.subject, found.well, found.remedy) == ("engine", True, "")
    assert found.detail == "sphinx, because engine.default is 'sphinx'; sphinx rate 1000"


async def test_several_are_told_one_by_one(tmp_path: Path, asked: list[str]) -> None:
    """Each with its place, its prices, and what is wrong with it."""
    config = several(tmp_path)
    first, second = [await engine.judge(config, name) for name in config.engine.engines]

    assert asked == ["deepgram", "sphinx"]
    assert (first.subject, first.well, first.remedy) == ("engine deepgram", False, "no key")
    assert first.detail.startswith("takes streams first; nova-3 rate 1000, nova-3 multi rate 1200")
    assert (second.well, second.remedy) == (True, "")
    assert second.detail == "steps in for deepgram; sphinx rate 1000"


async def test_a_dear_engine_behind_a_cheap_one_is_told(tmp_path: Path) -> None:
    """Users don't pay more for an engine that steps in, so somebody else does."""
    found = await engine.judge(several(tmp_path, "[engines.sphinx]\nrate = 1100"), "sphinx")
    assert found.well
    assert "its rate is up to 1100" in found.remedy
    assert "(1000 at least)" in found.remedy
