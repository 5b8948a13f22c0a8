"""Moonshine hears a whole file, through a process of a slot."""

import os
import sys

import pytest

from relayd.engines.files import MOONSHINE_FILES
from relayd.engines.local.files import LocalFiles
from relayd.engines.local.slots import open_slots
from relayd.engines.local.transcriber import NICENESS
from relayd.engines.moonshine import MOONSHINE
from relayd.speech.files import FileRequest
from tests.engines.local.spoken import DEMO, INAUGURAL

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
