"""Where real weights for whisper.cpp are looked for; `weights` puts them there."""

import os
from pathlib import Path
from typing import Final

__all__ = ["GGML"]

_CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
GGML: Final = _CACHE / "relayd" / "ggml-tiny.en.bin"
