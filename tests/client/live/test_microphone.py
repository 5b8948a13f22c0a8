"""The microphones of a machine, and what is said where there are none."""

import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Sequence
from types import ModuleType

import pytest

from relayd.client import AudioError, Device, devices
from relayd.client.live.microphone import Recorder
from relayd.client.portaudio import sounddevice_here
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


class Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """sounddevice on a system without PortAudio, which takes its time to find out."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.end = threading.Event()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """For this one alone."""
        return importlib.machinery.ModuleSpec(name, self) if name == "sounddevice" else None

    def exec_module(self, module: ModuleType) -> None:
        """Fail as it does."""
        self.begun.set()
        assert self.end.wait(10)
        raise OSError("PortAudio library not found")


def test_two_threads_may_look_for_one_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window lists microphones while Start opens one: both hear what is missing."""
    broken = Broken()
    monkeypatch.setattr(sys, "meta_path", [broken, *sys.meta_path])
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    heard: list[str] = []

    def look() -> None:
        try:
            sounddevice_here()
        except AudioError as error:
            heard.append(str(error))

    first, second = threading.Thread(target=look), threading.Thread(target=look)
    first.start()
    assert broken.begun.wait(10)
    second.start()
    # It waits for the first one now.
    second.join(0.1)
    broken.end.set()
    first.join(10)
    second.join(10)
    missing = "the microphone needs the PortAudio library"
    assert [one.partition(":")[0] for one in heard] == [missing, missing]
