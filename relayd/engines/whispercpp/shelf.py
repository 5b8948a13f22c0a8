"""The ggml files on this machine: where they stand, and what they are called."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

__all__ = ["GgmlFile", "Shelf"]

# "ggml" in the byte order of whisper.cpp's files.
_MAGIC: Final = bytes.fromhex("6c6d6767")

_PREFIX: Final = "ggml-"
_SUFFIX: Final = ".bin"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


@attrs.frozen
class GgmlFile:
    """A model in a file. Its name is the file's, without what they all have in common."""

    name: str
    path: Path

    @property
    def size_bytes(self) -> int:
        """What it takes on disk."""
        return self.path.stat().st_size

    @property
    def english_only(self) -> bool:
        """Models that know one language say so in their name."""
        return self.name.endswith(".en") or ".en-" in self.name


@attrs.frozen
class Shelf:
    """The directory of models. It need not exist."""

    directory: Path

    def files(self) -> Iterator[GgmlFile]:
        """Every model in it, by name."""
        if not self.directory.is_dir():
            return
        for path in sorted(self.directory.glob(f"*{_SUFFIX}")):
            if path.is_file() and _is_ggml(path):
                name = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
                yield GgmlFile(name, path)

    def find(self, name: str) -> GgmlFile | None:
        """The model of this name; None where there is none, or its name is a path."""
        return next((one for one in self.files() if one.name == name), None)

    def place(self, name: str) -> Path:
        """Where a model of this name belongs. Raises ValueError for what is no name."""
        if not _NAME.fullmatch(name):
            raise ValueError("a model's name is made of letters, digits, and . _ -")
        return self.directory / f"{_PREFIX}{name}{_SUFFIX}"


def _is_ggml(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
