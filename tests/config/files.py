"""Configurations for tests, as text in a directory of their own."""

from collections.abc import Mapping
from pathlib import Path

from relayd.config import Config, load

SECRET = "test-secret-of-more-than-32-bytes-0123"
PEPPER = "test-pepper-of-more-than-32-bytes-0123"

SECRETS = {"RELAYD_AUTH__SECRET": SECRET, "RELAYD_AUTH__PEPPER": PEPPER}


def write(directory: Path, text: str) -> Path:
    """A relayd.toml with this text."""
    path = directory / "relayd.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(directory: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of this text; the required secrets come from the environment."""
    return load(write(directory, text), SECRETS | dict(environ or {}))
