"""A microphone that is there, whatever the machine has."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

__all__ = ["Microphone"]


class Microphone:
    """What sounddevice is to the engine: it calls back with silence when it is started."""

    class PortAudioError(Exception):
        """Never raised here, but for rates that the device hasn't."""

    def __init__(self, rates: set[int]) -> None:
        self.rates = rates

    @property
    def default(self) -> Any:
        """Input, then output."""
        return SimpleNamespace(device=(1, 0))

    def query_devices(self, name: str | None = None, kind: str = "") -> Any:
        """A device of 48 kHz; all that there are where none is asked for."""
        rate = {"default_samplerate": 48_000.0}
        if kind:
            return rate
        speaker = {"name": "Speaker", "max_input_channels": 0, **rate}
        return [speaker, {"name": "Built-in", "max_input_channels": 2, **rate}]

    def RawInputStream(  # noqa: N802 - sounddevice's name
        self, *, samplerate: int, callback: Callable[..., None], blocksize: int, **_: Any
    ) -> Any:
        """A stream, if it has that rate."""
        if samplerate not in self.rates:
            raise self.PortAudioError("Invalid sample rate")

        class Stream:
            """Half a second, at once."""

            closed = False

            def start(self) -> None:
                for _ in range(8):
                    callback(bytes(blocksize * 2), blocksize, None, None)

            def close(self, *, ignore_errors: bool) -> None:
                Stream.closed = True

        self.stream = Stream
        return Stream()
