"""Where events come from: one source a module, each event with its facts.

The standard library's logging underneath, so that Hypercorn's and psycopg's own lines come
out in the same form.
"""

import logging
from typing import Any

import attrs

__all__ = ["Log", "get"]


@attrs.frozen
class Log:
    """A named source of events."""

    logger: logging.Logger

    def debug(self, event: str, **facts: Any) -> None:
        """Something that only its developer wants to know."""
        self.logger.debug(event, extra={"facts": facts})

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
        self.logger.exception(event, extra={"facts": facts})  # noqa: LOG004 - the caller handles it

    def fault(self, event: str, error: BaseException, **facts: Any) -> None:
        """A human should look; with the traceback of an exception that was caught elsewhere."""
        self.logger.error(event, exc_info=error, extra={"facts": facts})


def get(name: str) -> Log:
    """The source of this name (a module's ``__name__``)."""
    return Log(logging.getLogger(name))
