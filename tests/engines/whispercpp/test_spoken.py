"""Real Whisper weights hear real speech, through a process of their own.

They are in no package that this project installs, so most machines have none and prove nothing;
`weights` says how to get them.
"""

import importlib.util
from pathlib import Path

import pytest

from relayd import config
from relayd.engines.local.files import LocalFiles
from relayd.engines.local.slots import open_slots
from relayd.engines.whispercpp.decoder import load
from relayd.engines.whispercpp.live import LiveWhisper
from relayd.engines.whispercpp.models import file_models
from relayd.errors import EngineOff
from relayd.speech.files import FileRequest
from tests.engines.local.spoken import INAUGURAL
from tests.engines.whispercpp.cache import GGML
from tests.engines.whispercpp.test_live import spoken
from tests.media.files import wav

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not (GGML.exists() and importlib.util.find_spec("pywhispercpp")),
        reason="this machine has no Whisper weights, or not the extra whispercpp",
    ),
]


async def test_no_word_is_left_of_the_file_before(tmp_path: Path) -> None:
    """In a sound too short for a word, and in one that is short."""
    models = file_models(config.WhisperCpp(directory=GGML.parent, threads=1), slots=1)
    async with open_slots(1, open_seconds=60) as slots:
        engine = LocalFiles("whispercpp", models, slots, None, 300)
        with INAUGURAL.path as path:
            await engine.transcribe(path, FileRequest("tiny.en"), lambda _: None)
        for milliseconds in (0, 50, 200):
            short = tmp_path / "short.wav"
            short.write_bytes(wav(bytes(32 * milliseconds)))
            found = await engine.transcribe(short, FileRequest("tiny.en"), lambda _: None)
            assert found.duration_ms == milliseconds
            assert "country" not in found.text


async def test_a_broken_model_is_off(tmp_path: Path) -> None:
    """It is the operator who must look, and no recording is blamed."""
    (tmp_path / "ggml-broken.bin").write_bytes(GGML.read_bytes()[:1_000_000])
    models = file_models(config.WhisperCpp(directory=tmp_path, threads=1), slots=1)
    async with open_slots(1, open_seconds=60) as slots:
        engine = LocalFiles("whispercpp", models, slots, None, 300)
        with INAUGURAL.path as path, pytest.raises(EngineOff, match="while it loaded"):
            await engine.transcribe(path, FileRequest("broken"), lambda _: None)


async def test_an_address_is_understood() -> None:
    """Every word of it, each with a time and a confidence."""
    models = file_models(config.WhisperCpp(directory=GGML.parent, threads=1), slots=1)
    reached: list[int] = []
    async with open_slots(1, open_seconds=60) as slots:
        engine = LocalFiles("whispercpp", models, slots, None, 300)
        with INAUGURAL.path as path:
            found = await engine.transcribe(path, FileRequest("tiny.en"), reached.append)

    assert INAUGURAL.error(found.text) <= 0.05
    assert found.language == "en"
    assert reached == sorted(reached)
    words = list(found.words)
    assert [word.text for word in words] == found.text.split()
    starts = [word.start_ms for word in words]
    assert starts == sorted(starts)
    assert words[-1].end_ms <= found.duration_ms
    assert all(word.confidence and 0 < word.confidence <= 1 for word in words)


def test_an_address_is_understood_live() -> None:
    """Utterance by utterance, with interim words: nearly every word, in order of time."""
    whisper = load(str(GGML), 2)
    model = LiveWhisper(lambda pcm: whisper.utterance(pcm, "en"))
    results = spoken(model, INAUGURAL.samples)
    finals = [one for one in results if one["is_final"]]
    assert INAUGURAL.error(" ".join(one["text"] for one in finals)) <= 0.1
    starts = [word["start"] for one in finals for word in one["words"]]
    assert starts == sorted(starts)
    assert any(not one["is_final"] for one in results)
