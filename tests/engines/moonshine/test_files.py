"""Moonshine hears a whole file, through a process of a slot."""

import os
import sys
from pathlib import Path

import pytest

from relayd.engines.files import MOONSHINE_FILES
from relayd.engines.local.files import LocalFiles
from relayd.engines.local.slots import open_slots
from relayd.engines.local.transcriber import NICENESS
from relayd.engines.moonshine import MOONSHINE
from relayd.media.recordings import RecordingOpener
from relayd.speech.document import Document
from relayd.speech.files import FileRequest
from tests.engines.local.spoken import DEMO, INAUGURAL
from tests.engines.local.spoken import words as spoken_words
from tests.media.files import wav

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        bool(MOONSHINE.missing), reason="this machine has no package of Moonshine's weights"
    ),
]


async def test_recordings_are_understood() -> None:
    """One after the other in one warm process, each from its own beginning, with every time."""
    async with open_slots(1, open_seconds=60) as slots:
        engine = LocalFiles("moonshine", {"tiny-en": MOONSHINE_FILES}, slots, None, 300)
        for recording, wrong in ((DEMO, 0.0), (INAUGURAL, 0.05), (DEMO, 0.0)):
            reached: list[int] = []
            with recording.path as path:
                found = await engine.transcribe(path, FileRequest("tiny-en"), reached.append)

            assert recording.error(found.text) <= wrong
            assert (found.engine, found.model, found.language) == ("moonshine", "tiny-en", "en")
            assert found.duration_ms == len(recording.samples) // 32
            assert reached[-1] == found.duration_ms
            words = list(found.words)
            assert [word.text for word in words] == found.text.split()
            times = [time for word in words for time in (word.start_ms, word.end_ms)]
            assert times == sorted(times)
            assert 0 <= times[0] < times[-1] <= found.duration_ms
        (warm,) = slots._idle
        niceness = os.getpriority(os.PRIO_PROCESS, warm.child.process.pid)
        assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
        assert warm.files == 3
        assert warm.command[0] == sys.executable


async def test_parts_say_what_the_whole_says(tmp_path: Path) -> None:
    """Cut where it is quiet, no word is lost, doubled or torn, and each is where it was said."""
    directory = tmp_path / "sound"
    directory.mkdir()
    path = tmp_path / "recording"
    path.write_bytes(wav(DEMO.samples * 3))
    sound = await RecordingOpener().decode(path, directory, part_seconds=10)
    assert len(sound.parts) > 2
    async with open_slots(1, open_seconds=60) as slots:
        engine = LocalFiles("moonshine", {"tiny-en": MOONSHINE_FILES}, slots, 10, 300)
        parts = [
            (
                one.start_ms,
                await engine.transcribe(one.path, FileRequest("tiny-en"), lambda _: None),
            )
            for one in sound.parts
        ]
    found = Document.joined(parts)

    assert spoken_words(found.text) == DEMO.words * 3
    *_, last = found.words
    assert found.duration_ms == sound.duration_ms
    assert sound.duration_ms - 2_000 < last.end_ms <= sound.duration_ms
