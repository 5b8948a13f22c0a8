"""The microphone, with a fake sounddevice."""

import sys
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Any, ClassVar, Self

import pytest
import trio
import trio.testing

from relayd.client import AudioError
from relayd.client.microphone import Microphone


class PortAudioError(Exception):
    """As sounddevice names it."""


class FakeStream:
    """An input stream whose sound the test makes."""

    opened: ClassVar["list[FakeStream]"] = []

    def __init__(self, *, callback: Callable[..., None], **settings: Any) -> None:
        self.callback = callback
        self.settings = settings

    def __enter__(self) -> Self:
        self.opened.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.opened.remove(self)


@pytest.fixture
def sounddevice(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The fake in place of the real one."""
    module = ModuleType("sounddevice")
    module.__dict__.update(PortAudioError=PortAudioError, RawInputStream=FakeStream)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    monkeypatch.setattr(FakeStream, "opened", [])
    return module


async def test_sound_reaches_the_channel(sounddevice: ModuleType, nursery: trio.Nursery) -> None:
    """What the callback hears comes out in order; what does not fit is dropped and counted."""
    microphone = Microphone.ready()
    sending, receiving = trio.open_memory_channel[bytes](2)
    nursery.start_soon(microphone.feed, sending)
    await trio.testing.wait_all_tasks_blocked()
    (stream,) = FakeStream.opened
    assert stream.settings["samplerate"] == 16_000
    for n in range(3):
        stream.callback(bytes([n]), 1, None, None)
    stream.callback(b"\7", 1, None, "input overflow")
    await trio.testing.wait_all_tasks_blocked()
    assert [receiving.receive_nowait() for _ in range(2)] == [b"\0", b"\1"]
    assert microphone.lost_chunks == 3
    nursery.cancel_scope.cancel()


async def test_late_callbacks_are_harmless(sounddevice: ModuleType) -> None:
    """PortAudio may call back once more after the recording was ended."""
    microphone = Microphone.ready()
    sending, receiving = trio.open_memory_channel[bytes](2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(microphone.feed, sending)
        await trio.testing.wait_all_tasks_blocked()
        (stream,) = FakeStream.opened
        nursery.cancel_scope.cancel()
    stream.callback(b"\0", 1, None, None)
    await trio.testing.wait_all_tasks_blocked()
    assert not FakeStream.opened
    receiving.close()


async def test_no_device(sounddevice: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A microphone that can't be opened is an `AudioError`."""

    def refuse(**settings: Any) -> None:
        raise PortAudioError("no default input device")

    monkeypatch.setattr(sounddevice, "RawInputStream", refuse)
    sending, _ = trio.open_memory_channel[bytes](1)
    with pytest.raises(AudioError, match="no default input device"):
        await Microphone.ready().feed(sending)


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sounddevice, the text says what to install."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(AudioError, match="pip install sounddevice"):
        Microphone.ready()
