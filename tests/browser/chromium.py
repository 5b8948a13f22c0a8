"""The system's Chromium: where it is, and how it is started for tests.

Playwright's own browsers are not used: they would be a download of their own, and what people
have is what should be tested. scripts/chromium installs Debian's.
"""

import os
import shutil
from pathlib import Path
from typing import Final

from tests.house.tree import ROOT

__all__ = ["RECORDING", "find", "flags"]

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# What the microphone hears. Chromium resamples it; after its end it starts again.
RECORDING: Final = ROOT / "relayd" / "demo" / "recording.wav"


def find() -> Path | None:
    """The browser, or None. RELAYD_CHROMIUM names another one."""
    for name in (os.environ.get("RELAYD_CHROMIUM", ""), *NAMES):
        path = shutil.which(name) if name else None
        if path is not None:
            return Path(path)
    return None


def flags() -> list[str]:
    """How it is started: nothing to the outside, a recording in place of a microphone.

    Without --use-fake-ui-for-media-stream, which would grant the microphone to every page:
    here a context grants it, or a page is refused it as a person may refuse it.
    """
    return [
        "--no-sandbox",  # it doesn't run as root with one
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        # What is not on loopback here would be asked about before it may ask loopback. Nobody has
        # that protection where a daemon is on the internet, and so none is to be relied on.
        "--disable-features=LocalNetworkAccessChecks",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={RECORDING}",
    ]
