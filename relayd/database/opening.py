"""The configured database, whichever kind it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from relayd import config
from relayd.database.embedded import embedded_url, run_watch
from relayd.database.pool import Pool, open_database

__all__ = ["configured_url", "open_configured"]


@asynccontextmanager
async def configured_url(settings: config.Database) -> AsyncIterator[str]:
    """Where it is; an embedded server is started or joined, and runs while entered.

    Raises `DatabaseUnavailable`, `ConfigError` or `MissingExtra`, with what to do.
    """
    if settings.embedded:
        async with embedded_url(settings.data_directory) as url:
            yield url
    else:
        yield settings.url.reveal()


@asynccontextmanager
async def open_configured(
    settings: config.Database, limiter: trio.CapacityLimiter, *, watched: bool = False
) -> AsyncIterator[Pool]:
    """Open it; with ``watched`` an embedded server is kept alive. Raises as above."""
    async with (
        configured_url(settings) as url,
        open_database(settings, url, limiter) as database,
    ):
        if not (watched and settings.embedded):
            yield database
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_watch, settings.data_directory, url)
            yield database
            nursery.cancel_scope.cancel()
