"""The models of whisper.cpp for processes of this machine."""

import importlib.util
import os
import sys
from collections.abc import Mapping

from relayd import config
from relayd.engines.local.files import FileModel
from relayd.engines.whispercpp.shelf import Shelf

__all__ = ["NAME", "file_models", "installed"]

NAME = "whispercpp"


def installed() -> bool:
    """Whether the extra is."""
    return importlib.util.find_spec("pywhispercpp") is not None


def file_models(settings: config.WhisperCpp, slots: int) -> Mapping[str, FileModel]:
    """Every ggml file that is on this machine now, by its name."""
    threads = settings.threads or max((os.cpu_count() or 1) // slots, 1)
    return {
        one.name: FileModel(
            one.name,
            (sys.executable, "-m", f"relayd.engines.{NAME}", str(one.path), str(threads)),
            ("en",) if one.english_only else (),
        )
        for one in Shelf(settings.directory).files()
    }
