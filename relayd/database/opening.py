"""The configured database, whichever kind it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from relayd import config
from relayd.database.embedded import embedded_url, run_watch
from relayd.database.pool import Pool, open_database

__all__ = ["open_configured"]


@asynccontextmanager
async def open_configured(
    settings: config.Database, limiter: trio.CapacityLimiter, *, watched: bool = False
) -> AsyncIterator[Pool]:
    """Open it; an embedded server is started or joined, and with ``watched`` kept alive.

    Raises `DatabaseUnavailable`, `ConfigError` or `MissingExtra`, with what to do.
    """
    if not settings.embedded:
        async with open_database(settings, settings.url.reveal(), limiter) as database:
            yield database
        return
    async with (
        embedded_url(settings.data_directory) as url,
        open_database(settings, url, limiter) as database,
        trio.open_nursery() as nursery,
    ):
        if watched:
            nursery.start_soon(run_watch, settings.data_directory, url)
        yield database
        nursery.cancel_scope.cancel()
