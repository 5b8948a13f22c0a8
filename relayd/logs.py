"""Structured lines: an event, then its facts as key=value."""

import logging
from typing import Any

import attrs

__all__ = ["Log", "get"]


@attrs.frozen
class Log:
    """A named source of events."""

    logger: logging.Logger

    def info(self, event: str, **facts: Any) -> None:
        """Something worth knowing."""
        self.logger.info(event, extra={"facts": facts})

    def warning(self, event: str, **facts: Any) -> None:
        """Something unusual that relayd coped with."""
        self.logger.warning(event, extra={"facts": facts})

    def error(self, event: str, **facts: Any) -> None:
        """A human should look."""
        self.logger.error(event, extra={"facts": facts})

    def exception(self, event: str, **facts: Any) -> None:
        """A human should look; with the traceback of the exception being handled."""
        self.logger.exception(event, extra={"facts": facts})


def get(name: str) -> Log:
    """The source of this name (a module's ``__name__``)."""
    return Log(logging.getLogger(name))
