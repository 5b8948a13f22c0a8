"""The ggml files that whisper.cpp's authors publish: where, how large, and their checksums.

Source: https://huggingface.co/ggerganov/whisper.cpp, the revision named below. MIT licence.
"""

from typing import Final

import attrs

__all__ = ["KNOWN", "Published"]

_REVISION: Final = "5359861c739e955e79d9a303bcbc70fb988958b1"
_BASE: Final = f"https://huggingface.co/ggerganov/whisper.cpp/resolve/{_REVISION}"


@attrs.frozen
class Published:
    """A file that can be fetched; ``sha256`` in hexadecimal digits."""

    name: str
    url: str
    sha256: str


def _published(name: str, sha256: str) -> Published:
    return Published(name, f"{_BASE}/ggml-{name}.bin", sha256)


KNOWN: Final = {
    one.name: one
    for one in (
        _published("tiny", "be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21"),
        _published("tiny.en", "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f"),
        _published("base", "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe"),
        _published("base.en", "a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002"),
        _published("small", "1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b"),
        _published("small.en", "c6138d6d58ecc8322097e0f987c32f1be8bb0a18532a3f88f734d1bbf9c41e5d"),
        _published("medium", "6c14d5adee5f86394037b4e4e8b59f1673b6cee10e3cf0b11bbdbee79c156208"),
        _published("medium.en", "cc37e93478338ec7700281a7ac30a10128929eb8f427dda2e865faa8f6da4356"),
        _published("large-v3", "64d182b440b98d5203c4f9bd541544d84c605196c4f7b845dfa11fb23594d1e2"),
        _published(
            "large-v3-turbo", "1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69"
        ),
    )
}
