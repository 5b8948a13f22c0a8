"""What distinguishes one local model from another, as the daemon sees it."""

import importlib.util
import sys

import attrs

from relayd.errors import MissingExtra

__all__ = ["LocalModel"]


@attrs.frozen
class LocalModel:
    """A model that a package of the package registry brings, for the engine of this name.

    Its module `relayd.engines.<engine>` runs as the process of one stream.
    """

    engine: str
    name: str
    packages: tuple[str, ...]
    # The extra of relayd that installs these packages.
    extra: str

    @property
    def command(self) -> tuple[str, ...]:
        """What starts a process."""
        return (sys.executable, "-m", f"relayd.engines.{self.engine}")

    @property
    def section(self) -> str:
        """Where the operator configures it."""
        return f"engines.{self.engine}"

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not installed."""
        return tuple(one for one in self.packages if importlib.util.find_spec(one) is None)

    def require(self) -> None:
        """Raise MissingExtra, with what to install, where a package is missing."""
        if self.missing:
            raise MissingExtra(
                f"engine {self.engine} needs {' and '.join(self.missing)}: install relayd with its"
                f" extra `{self.extra}`, as in: pip install 'relayd[{self.extra}]'"
            )
