"""Which speech engines this machine has, what the others lack, and how one of them is started.

Each is a package that may be installed or not. Whisper's weights are files of their own, on a shelf
of the user's; the others bring theirs along.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs

from relayd.client.errors import ConnectError, RefusedError
from relayd.engines.whispercpp.known import KNOWN
from relayd.engines.whispercpp.shelf import GgmlFile, Shelf
from relayd.errors import ModelUnavailable, OperatorError

__all__ = ["MODEL", "MachineEngine", "chosen", "engines", "fetch_model", "shelf"]

# What is fetched where Whisper has no weights yet: of many languages, and quick enough to be live.
MODEL: Final = "base"
# Of the models on the shelf, those that are quick enough for live words, best first.
_LIVE: Final = ("base", "small", "tiny")
_NO_WINDOWS: Final = "On Windows, no engine runs on the computer itself."


@attrs.frozen
class MachineEngine:
    """An engine for this machine. ``missing`` says what to do before it can be used."""

    name: str
    title: str
    missing: str = ""
    # What starts a process of it.
    command: tuple[str, ...] = ()


def shelf() -> Shelf:
    """Where Whisper's models lie: in the user's own data."""
    if sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Shelf(data / "relayd" / "models")


def engines(language: str = "", model: str = "") -> Sequence[MachineEngine]:
    """Every engine there is for a language, best first, whether it is ready or not.

    ``model``: a ggml file or the name of one on the shelf; empty for the best one that is there.
    """
    whisper = _whisper(language, model)
    if _tag(language) not in {"", "en"}:
        return (whisper,)
    return (
        _packaged("moonshine", "Moonshine", "moonshine_voice", "moonshine-voice==0.0.73"),
        whisper,
        _packaged("sphinx", "Sphinx", "pocketsphinx", "pocketsphinx"),
    )


def chosen(name: str = "", language: str = "", model: str = "") -> MachineEngine:
    """The engine of this name, or the best one that is ready. Raises `RefusedError`."""
    if sys.platform == "win32":
        raise RefusedError("bad_config", _NO_WINDOWS, 0)
    offered = engines(language, model)
    if name:
        offered = [one for one in offered if one.name == name]
    ready = [one for one in offered if not one.missing]
    if ready:
        return ready[0]
    if not offered:
        raise RefusedError("bad_config", f"{name} does not understand {language}: Whisper does.", 0)
    lacks = f"{offered[0].title} is not ready on this computer: {offered[0].missing}"
    raise RefusedError("bad_config", lacks, 0)


def fetch_model(reached: Callable[[int, int | None], None]) -> Path:
    """Fetch the usual model of Whisper to the shelf; waits. Raises `ConnectError`.

    ``reached`` hears how many bytes are there, and how many there will be.
    """
    # httpx, of the extra `whisper`.
    from relayd.engines.whispercpp.fetching import fetch  # noqa: PLC0415 - optional

    try:
        return fetch(shelf(), KNOWN[MODEL], reached).path
    except (ModelUnavailable, OperatorError) as error:
        raise ConnectError(str(error)) from error


def _packaged(name: str, title: str, module: str, package: str) -> MachineEngine:
    found = importlib.util.find_spec(module) is not None
    missing = "" if found else f"pip install {package}"
    return MachineEngine(name, title, missing, (sys.executable, "-m", f"relayd.engines.{name}"))


def _whisper(language: str, model: str) -> MachineEngine:
    title = "Whisper"
    if importlib.util.find_spec("pywhispercpp") is None:
        return MachineEngine("whisper", title, "pip install pywhispercpp httpx")
    found = _model(model, english=_tag(language) in {"", "en"})
    if found is None:
        wanted = f"no model {model}" if model else "no model"
        return MachineEngine("whisper", title, f"there is {wanted} in {shelf().directory}")
    spoken = "en" if found.english_only else _tag(language)
    command = (sys.executable, "-m", "relayd.engines.whispercpp.live", str(found.path), spoken)
    return MachineEngine("whisper", title, command=command)


def _model(wanted: str, *, english: bool) -> GgmlFile | None:
    if wanted:
        path = Path(wanted)
        return GgmlFile(path.stem, path) if path.is_file() else shelf().find(wanted)
    there = {one.name: one for one in shelf().files() if english or not one.english_only}
    best = [f"{name}{end}" for name in _LIVE for end in ((".en", "") if english else ("",))]
    return next((there[name] for name in (*best, *there) if name in there), None)


def _tag(language: str) -> str:
    """Whisper's name of a language; empty where it is to find out."""
    tag = language.lower().split("-")[0]
    return "auto" if tag == "multi" else tag
