"""What the client takes from the repository: the same files, none of them twice.

In a checkout they lie two directories up, in an unpacked source distribution beside this file.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

# The package's own names; `tests/house/test_client.py` sees that nothing is missing.
TAKEN = (
    "relayd/__init__.py",
    "relayd/children",
    "relayd/client",
    "relayd/desktop",
    "relayd/engines/__init__.py",
    "relayd/engines/deepgram/__init__.py",
    "relayd/engines/deepgram/errors.py",
    "relayd/engines/deepgram/messages.py",
    "relayd/engines/local/__init__.py",
    "relayd/engines/local/audio.py",
    "relayd/engines/local/frames.py",
    "relayd/engines/local/looks.py",
    "relayd/engines/local/loudness.py",
    "relayd/engines/local/model.py",
    "relayd/engines/local/recogniser.py",
    "relayd/engines/local/transcriber.py",
    "relayd/engines/local/worker.py",
    "relayd/engines/moonshine/__init__.py",
    "relayd/engines/moonshine/__main__.py",
    "relayd/engines/moonshine/decoder.py",
    "relayd/engines/moonshine/voice.py",
    "relayd/engines/moonshine/word_times.py",
    "relayd/engines/refusals.py",
    "relayd/engines/sphinx",
    "relayd/engines/whispercpp/__init__.py",
    "relayd/engines/whispercpp/decoder.py",
    "relayd/engines/whispercpp/fetching.py",
    "relayd/engines/whispercpp/known.py",
    "relayd/engines/whispercpp/live.py",
    "relayd/engines/whispercpp/shelf.py",
    "relayd/errors.py",
    "relayd/speech",
)


class Sources(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the files where they are in the repository."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds."""
        for name in TAKEN:
            build_data["force_include"][str(_top(self.root) / name)] = name


class Version(MetadataHookInterface):
    """The daemon and its client have one version."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling before it looks at the metadata."""
        text = (_top(self.root) / "relayd" / "__init__.py").read_text(encoding="utf-8")
        metadata["version"] = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


def _top(root: str) -> Path:
    """Where `relayd` is."""
    here = Path(root)
    return here if (here / "relayd").is_dir() else here.parent.parent
