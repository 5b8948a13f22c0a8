"""What `relayd check` says of models for recordings."""

from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from relayd.checks.recordings import judge
from relayd.config import Auth, Config, Package, RecordingModel, Secret, WhisperCpp
from relayd.engines.whispercpp import models as whispercpp

# 10 cents a minute, less 10 percent.
PACKAGES = (Package(id="p", label="p", seconds=600, price_cents=100),)


def configured(*models: RecordingModel, allow_loss: bool = False) -> Config:
    """A configuration that sells these models."""
    plain = Config(auth=Auth(secret=Secret("s"), pepper=Secret("p")))
    costs = attrs.evolve(plain.costs, fee_percent=Decimal(10), fee_cents=0, allow_loss=allow_loss)
    return attrs.evolve(plain, costs=costs, packages=PACKAGES, models=models)


def test_each_model_is_told_with_what_it_costs_and_earns() -> None:
    """And with its engines in their order."""
    free = RecordingModel(name="Free", engines=("pretend:pretend", "deepgram:nova-3"), rate=500)
    (found,) = judge(configured(free))
    assert found.well
    assert found.subject == "recordings Free"
    assert found.detail == (
        "pretend:pretend, then deepgram:nova-3; rate 500; costs 0.00 cents a minute "
        "and earns at least 4.50"
    )


def test_a_model_that_loses_money_is_told() -> None:
    """With the rate that would do, unless losses are wanted."""
    dear = RecordingModel(
        name="Dear", engines=("pretend:pretend",), cents_per_minute=Decimal("12.01")
    )
    (found,) = judge(configured(dear))
    assert not found.well
    assert "a rate of 1335 would do" in found.remedy
    enough = attrs.evolve(dear, rate=1335)
    assert [one.well for one in judge(configured(enough))] == [True]
    assert [one.well for one in judge(configured(dear, allow_loss=True))] == [True]


def test_without_packages_nothing_is_earned() -> None:
    """Credit may be given away, whatever it costs."""
    dear = RecordingModel(name="D", engines=("pretend:pretend",), cents_per_minute=Decimal(9))
    (found,) = judge(attrs.evolve(configured(dear), packages=()))
    assert found.well
    assert "earns" not in found.detail


def test_a_model_without_an_engine_is_told() -> None:
    """Nobody could transcribe with it."""
    (found,) = judge(configured(RecordingModel(name="Gone", engines=("deepgram:nova-3",))))
    assert not found.well
    assert found.detail == "nobody can transcribe with it: deepgram:nova-3"
    assert found.remedy == "set engines.deepgram.api_key; or take the model out of [[models]]"


def test_a_model_without_one_of_its_engines_is_told() -> None:
    """It is transcribed all the same; but who was to step in isn't there."""
    half = RecordingModel(name="Half", engines=("pretend:pretend", "openai_compatible:a"))
    (found,) = judge(configured(half))
    assert found.well
    assert found.remedy == "not all of its engines are there: set engines.openai_compatible.url"


def test_a_model_whose_file_is_not_here_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that fetches it, and where it would be looked for."""
    monkeypatch.setattr(whispercpp, "installed", lambda: True)
    plain = configured(RecordingModel(name="W", engines=("whispercpp:base.en",)))
    here = attrs.evolve(plain.engines, whispercpp=WhisperCpp(directory=tmp_path))
    plain = attrs.evolve(plain, engines=here)
    (found,) = judge(plain)
    assert not found.well
    assert found.remedy.startswith("`relayd models fetch base.en`, which puts it into")
    assert str(tmp_path) in found.remedy
    (tmp_path / "ggml-base.en.bin").write_bytes(bytes.fromhex("6c6d6767"))
    assert [one.well for one in judge(plain)] == [True]
