"""The files of `webui/` in memory: read once, named by what is in them.

Pages link to ``/assets/style.css``; what is served says ``/assets/<digest>/style.css``, the digest
being that of all files together. Modules import each other by relative addresses, so that all of
them come from one version, may be kept for ever, and need no build step.
"""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import attrs

import relayd
from relayd.errors import OperatorError

__all__ = ["File", "Website", "webui_directory"]

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".py": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}
_SQUEEZED: Final = {".css", ".html", ".js", ".py", ".svg"}
_PREFIX: Final = b'"/assets/'


@attrs.frozen
class File:
    """One file as it is served. ``squeezed`` is the same in gzip, where that is worth it."""

    content_type: str
    body: bytes = attrs.field(repr=False)
    squeezed: bytes | None = attrs.field(repr=False)
    etag: str

    @classmethod
    def make(cls, suffix: str, body: bytes) -> "File":
        """Of these bytes."""
        # No time in it: the same file is the same bytes on every daemon.
        squeezed = gzip.compress(body, mtime=0) if suffix in _SQUEEZED else None
        if squeezed is not None and len(squeezed) >= len(body):
            squeezed = None
        return cls(_TYPES[suffix], body, squeezed, hashlib.sha256(body).hexdigest()[:24])


@attrs.frozen
class Website:
    """Pages by their name without suffix, assets by their path below `webui/`."""

    digest: str
    pages: dict[str, File] = attrs.field(repr=False)
    assets: dict[str, File] = attrs.field(repr=False)

    @classmethod
    @cache
    def load(cls, directory: Path) -> "Website":
        """Read the files, once for a process: ``*.html``, and all below ``assets/``."""
        pages = {path.stem: path.read_bytes() for path in sorted(directory.glob("*.html"))}
        if "index" not in pages:
            raise OperatorError(f"{directory} holds no web pages. Install relayd again.")
        below = directory / "assets"
        assets = {
            path.relative_to(below).as_posix(): path.read_bytes()
            for path in sorted(below.rglob("*"))
            if path.suffix in _TYPES and path.is_file()
        }
        whole = hashlib.sha256()
        for name, body in assets.items():
            whole.update(f"{name}\0{len(body)}\0".encode() + body)
        digest = whole.hexdigest()[:16]
        prefix = b'"/assets/' + digest.encode() + b"/"
        return cls(
            digest,
            {name: File.make(".html", one.replace(_PREFIX, prefix)) for name, one in pages.items()},
            {name: File.make(Path(name).suffix, one) for name, one in assets.items()},
        )


def webui_directory() -> Path:
    """Where the files are: beside the package in a checkout, inside it when installed."""
    package = Path(relayd.__file__).parent
    installed = package / "webui"
    return installed if installed.is_dir() else package.parent / "webui"
