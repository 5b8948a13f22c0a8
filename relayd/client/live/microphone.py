"""The system's microphones, through sounddevice where it is installed (the extra `microphone`).

PortAudio calls back in a thread of its own; a block goes straight to where it is wanted.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from relayd.client.errors import AudioError
from relayd.client.live.sound import SAMPLE_RATE
from relayd.client.portaudio import sounddevice_here

__all__ = ["Device", "Recorder", "devices"]

# 64 ms, as apps commonly have it.
_BLOCK_SECONDS: Final = 0.064


@attrs.frozen
class Device:
    """A microphone. ``name`` is how the system shows it, and how it is asked for."""

    name: str
    sample_rate: int
    is_default: bool = False


def devices() -> Sequence[Device]:
    """The microphones there are, in the system's order. Raises `AudioError`."""
    sounddevice = sounddevice_here()
    try:
        default = sounddevice.default.device[0]
        found = list(enumerate(sounddevice.query_devices()))
    except sounddevice.PortAudioError as error:
        raise AudioError(f"the microphones can't be listed: {error}") from error
    return [
        Device(str(one["name"]), round(one["default_samplerate"]), number == default)
        for number, one in found
        if one["max_input_channels"] > 0
    ]


@attrs.define(eq=False)
class Recorder:
    """A microphone that is open. ``sample_rate`` is what it gives; 16-bit samples, one channel."""

    sample_rate: int
    _stream: Any = attrs.field(repr=False)

    @classmethod
    def open(cls, name: str, heard: Callable[[bytes], object]) -> "Recorder":
        """Open a microphone, the default one for an empty name; blocks go to ``heard``.

        Raises `AudioError`. Nothing is heard before `start`.
        """
        sounddevice = sounddevice_here()

        def take(data: Any, frames: int, time: Any, status: Any) -> None:
            heard(bytes(data))

        problem: Exception | None = None
        for rate in _rates(sounddevice, name):
            try:
                stream = sounddevice.RawInputStream(
                    samplerate=rate,
                    channels=1,
                    dtype="int16",
                    blocksize=round(rate * _BLOCK_SECONDS),
                    device=name or None,
                    callback=take,
                )
            except (sounddevice.PortAudioError, ValueError) as error:
                problem = error
                continue
            return cls(rate, stream)
        raise AudioError(f"the microphone can't be opened: {problem}") from problem

    def start(self) -> None:
        """From now on blocks come. Raises `AudioError`."""
        try:
            self._stream.start()
        except sounddevice_here().PortAudioError as error:
            raise AudioError(f"the microphone does not start: {error}") from error

    def close(self) -> None:
        """No block comes any more."""
        self._stream.close(ignore_errors=True)


def _rates(sounddevice: Any, name: str) -> Sequence[int]:
    """Ours, where the system converts to it; else the device's own."""
    try:
        own = round(sounddevice.query_devices(name or None, "input")["default_samplerate"])
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(f"there is no microphone {name or 'on this computer'}") from error
    return list(dict.fromkeys((SAMPLE_RATE, own)))
