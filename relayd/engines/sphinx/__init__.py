"""pocketsphinx and the English model that it brings: needs no key, and its words are poor."""

from typing import Final

from relayd.engines.local.model import LocalModel

__all__ = ["SPHINX"]

# The model by the name of its directory in the package.
SPHINX: Final = LocalModel(
    engine="sphinx", name="en-us", packages=("pocketsphinx", "av"), extra="local"
)
