"""What deploy/modal_whisper.py answers is what the engine for such servers reads."""

import importlib.util
import io
import json
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from relayd.engines.openai_compatible.answers import document
from relayd.speech.files import FileRequest
from tests.house.tree import ROOT


class Anything:
    """Stands for Modal and its images, volumes and decorators: whatever is asked of it is there."""

    def __getattr__(self, name: str) -> "Anything":
        return self

    def __call__(self, *arguments: Any, **named: Any) -> "Anything":
        """Whatever it is called with."""
        return self


def decorator(*arguments: Any, **named: Any) -> Callable[[Any], Any]:
    """Leaves what it decorates as it is."""
    return lambda decorated: decorated


class WhisperModel:
    """Hears two words in whatever it is given."""

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name

    def transcribe(self, path: str, **options: Any) -> tuple[Any, Any]:
        """faster-whisper's shapes."""
        words = [
            types.SimpleNamespace(word=" Good", start=0.0, end=0.4, probability=0.9),
            types.SimpleNamespace(word=" morning.", start=0.4, end=1.0, probability=0.8),
        ]
        segment = types.SimpleNamespace(start=0.0, end=1.0, text=" Good morning.", words=words)
        return iter([segment]), types.SimpleNamespace(language="en", duration=1.5)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The file, with nothing of what it needs elsewhere."""
    modal = types.ModuleType("modal")
    app = Anything()
    app.__dict__["cls"] = decorator
    modal.__dict__.update(
        Image=Anything(), Secret=Anything(), Volume=Anything(), App=lambda *_, **__: app,
        enter=decorator, asgi_app=decorator,
    )  # fmt: skip
    faster_whisper = types.ModuleType("faster_whisper")
    faster_whisper.__dict__["WhisperModel"] = WhisperModel
    monkeypatch.setitem(sys.modules, "modal", modal)
    monkeypatch.setitem(sys.modules, "faster_whisper", faster_whisper)
    spec = importlib.util.spec_from_file_location("w", ROOT / "deploy" / "modal_whisper.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_its_answer_is_read(module: types.ModuleType) -> None:
    """With every word's time and probability; a model is loaded once, until another is asked."""
    whisper = module.Whisper()
    whisper.begin()
    answer = whisper.hear(io.BytesIO(b"flac"), "small", None, None)
    first = whisper.model
    whisper.hear(io.BytesIO(b"flac"), "small", "en", "names")
    assert whisper.model is first
    whisper.hear(io.BytesIO(b"flac"), "base", None, None)
    assert whisper.model.name == "base"

    found = document(json.dumps(answer).encode(), "openai_compatible", FileRequest("small"))

    assert (found.text, found.language, found.duration_ms) == ("Good morning.", "en", 1_500)
    assert [(one.text, one.start_ms, one.confidence) for one in found.words] == [
        ("Good", 0, 0.9),
        ("morning.", 400, 0.8),
    ]
