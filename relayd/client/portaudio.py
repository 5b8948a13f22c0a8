"""PortAudio, through sounddevice where it is installed; what is missing where it is not."""

import threading
from typing import Any, Final

from relayd.client.errors import AudioError

__all__ = ["sounddevice_here"]

# A module whose import fails in one thread is handed out half done to another that waits for it.
_importing: Final = threading.Lock()


def sounddevice_here() -> Any:
    """The module. Raises `AudioError`, whose text says what to install."""
    try:
        with _importing:
            import sounddevice  # type: ignore[import-untyped]  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise AudioError(
            "the microphone needs sounddevice: install it with  pip install sounddevice"
        ) from error
    except OSError as error:
        raise AudioError(
            "the microphone needs the PortAudio library: on Debian  apt install libportaudio2"
        ) from error
    return sounddevice
