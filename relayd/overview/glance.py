"""The overview of a running daemon: its database, its configuration, today."""

import datetime as dt

import attrs

from relayd.config import Config
from relayd.database.ports import Database
from relayd.overview.overview import Overview, overview

__all__ = ["Glance"]


@attrs.frozen
class Glance:
    """What operators see of this server."""

    database: Database
    config: Config

    async def look(self, days: int) -> Overview:
        """The last days, today (UTC) among them. Raises `DatabaseUnavailable`."""
        today = dt.datetime.now(dt.UTC).date()
        return await self.database.transact(overview, self.config, today, days)
