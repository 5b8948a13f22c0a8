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


# Of models that know more than English; "jw" is Whisper's own tag of Javanese.
LANGUAGES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th "
    "ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr "
    "pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt "
    "haw ln ha ba jw su yue"
)


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
            ("en",) if one.english_only else tuple(LANGUAGES.split()),
        )
        for one in Shelf(settings.directory).files()
    }
