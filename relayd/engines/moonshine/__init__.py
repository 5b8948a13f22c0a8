"""Moonshine on this machine: words good enough to work with, without a key, on a processor."""

from typing import Final

from relayd.engines.local.model import LocalModel

__all__ = ["MOONSHINE"]

# The package of this version carries the weights; later ones fetch them from the network.
MOONSHINE: Final = LocalModel(
    engine="moonshine", name="tiny-en", packages=("moonshine_voice", "av"), extra="moonshine"
)
