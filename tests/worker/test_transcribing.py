"""What a worker leaves on its disk, and what it asks of engines."""

import os
import time
from pathlib import Path

from relayd.speech.files import FileRequest
from relayd.worker.transcribing import ABANDONED_SECONDS, request_of, sweep


def test_sound_of_dead_workers_is_removed(tmp_path: Path) -> None:
    """Not what somebody may still be at, and nothing where there never was any."""
    sweep(tmp_path / "none")
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "whole.wav").touch()
    before = time.time() - ABANDONED_SECONDS - 60
    os.utime(tmp_path / "old", (before, before))

    sweep(tmp_path)

    assert [one.name for one in tmp_path.iterdir()] == ["new"]


def test_options_that_are_somebody_elses() -> None:
    """An engine is asked what it can be asked, and nothing of the rest reaches it."""
    options = {"language": "de", "diarise": True, "format": "srt", "model": "other"}

    assert request_of("base", options) == FileRequest("base", language="de", diarise=True)
