"""Which engines a machine has for live words, and what is said about the others."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from relayd.client.errors import RefusedError
from relayd.client.machine import chosen, engines, shelf


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """The modules that are installed, and a shelf that is the test's own."""
    installed: set[str] = set()
    real = importlib.util.find_spec
    known = {"moonshine_voice", "pocketsphinx", "pywhispercpp"}

    def find(name: str, package: str | None = None) -> Any:
        return (name if name in installed else None) if name in known else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return installed


def put(*names: str) -> None:
    """Models on the shelf."""
    shelf().directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        shelf().place(name).write_bytes(b"lmgg" + bytes(10))


def test_the_best_that_is_there_is_taken(packages: set[str]) -> None:
    """For English Moonshine, then Whisper, then Sphinx, whose words are poor."""
    put("tiny")
    packages.add("pocketsphinx")
    assert chosen().name == "sphinx"
    packages.add("pywhispercpp")
    assert chosen(language="en-US").name == "whisper"
    packages.add("moonshine_voice")
    assert chosen().name == "moonshine"
    assert chosen("sphinx").name == "sphinx"


def test_other_languages_need_whisper(packages: set[str]) -> None:
    """With a model that knows more than English; other engines are not offered."""
    packages |= {"moonshine_voice", "pywhispercpp"}
    put("base.en")
    with pytest.raises(RefusedError, match=r"Whisper is not ready .* no model in"):
        chosen(language="de")
    with pytest.raises(RefusedError, match="moonshine does not understand de"):
        chosen("moonshine", "de")
    put("tiny")
    assert chosen(language="de-CH").command[-2:] == (str(shelf().place("tiny")), "de")
    assert chosen(language="multi").command[-1] == "auto"


def test_the_quickest_good_model_is_taken_or_the_one_that_is_wanted(
    packages: set[str], tmp_path: Path
) -> None:
    """By name from the shelf, or a file anywhere."""
    packages.add("pywhispercpp")
    put("large-v3", "small", "tiny.en")
    assert chosen("whisper").command[-2] == str(shelf().place("small"))
    put("base.en")
    assert chosen("whisper").command[-2:] == (str(shelf().place("base.en")), "en")
    assert chosen("whisper", model="large-v3").command[-2] == str(shelf().place("large-v3"))
    own = tmp_path / "mine.bin"
    own.write_bytes(b"lmgg")
    assert chosen("whisper", model=str(own)).command[-2] == str(own)
    with pytest.raises(RefusedError, match="no model medium"):
        chosen("whisper", model="medium")


def test_what_is_missing_is_said(packages: set[str]) -> None:
    """With what to install."""
    assert [one.missing for one in engines()] == [
        "pip install moonshine-voice==0.0.73",
        "pip install pywhispercpp httpx",
        "pip install pocketsphinx",
    ]
    with pytest.raises(RefusedError, match="pip install moonshine-voice"):
        chosen()


def test_there_is_none_on_windows(packages: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is installed."""
    packages.add("pocketsphinx")
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(RefusedError, match="On Windows"):
        chosen()
