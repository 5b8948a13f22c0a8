"""The microphone as 16 kHz mono PCM, through sounddevice where it is installed.

PortAudio calls back in a thread of its own that must never wait: what does not fit into the
bounded channel is dropped and counted.
"""

from typing import Any

import attrs
import trio

from relayd.client.errors import AudioError
from relayd.client.portaudio import sounddevice_here
from relayd.client.recording import CHUNK_BYTES, SAMPLE_RATE

__all__ = ["Microphone"]


@attrs.define(eq=False)
class Microphone:
    """The default input device. ``lost_chunks`` counts 100 ms pieces that were dropped."""

    name: str = "microphone"
    total_seconds: None = None
    lost_chunks: int = 0

    @property
    def loss(self) -> str:
        """How much of the sound was lost so far, and why; empty for none."""
        if not self.lost_chunks:
            return ""
        return f"{self.lost_chunks / 10:.1f} s of sound were lost: the network is too slow"

    @classmethod
    def ready(cls) -> "Microphone":
        """A microphone, if there is what it takes. Raises `AudioError`."""
        sounddevice_here()
        return cls()

    async def feed(self, chunks: trio.MemorySendChannel[bytes]) -> None:
        """Record into the channel until cancelled. Raises `AudioError`."""
        sounddevice = sounddevice_here()
        token = trio.lowlevel.current_trio_token()

        def heard(data: Any, frames: int, time: Any, status: Any) -> None:
            if status:
                self.lost_chunks += 1
            token.run_sync_soon(self._take, chunks, bytes(data))

        with chunks:
            try:
                with sounddevice.RawInputStream(
                    samplerate=SAMPLE_RATE,
                    channels=1,
                    dtype="int16",
                    blocksize=CHUNK_BYTES // 2,
                    callback=heard,
                ):
                    await trio.sleep_forever()
            except sounddevice.PortAudioError as error:
                raise AudioError(f"the microphone can't be opened: {error}") from error

    def _take(self, chunks: trio.MemorySendChannel[bytes], data: bytes) -> None:
        try:
            chunks.send_nowait(data)
        except trio.WouldBlock:
            self.lost_chunks += 1
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            # The last callbacks of a stream that was closed meanwhile.
            pass
