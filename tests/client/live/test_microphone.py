"""The microphones of a machine, and what is said where there are none."""

import pytest

from relayd.client import AudioError, Device, devices
from relayd.client.live.microphone import Recorder
from tests.client.live.microphones import Microphone


def test_microphones_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that hear, with the system's own choice marked."""
    monkeypatch.setattr("relayd.client.live.microphone.sounddevice_here", lambda: Microphone(set()))
    assert devices() == [Device("Built-in", 48_000, is_default=True)]


def test_one_that_cannot_be_opened_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither our rate nor its own: the error is the system's, in a sentence."""
    monkeypatch.setattr("relayd.client.live.microphone.sounddevice_here", lambda: Microphone(set()))
    with pytest.raises(AudioError, match="can't be opened: Invalid sample rate"):
        Recorder.open("", print)
