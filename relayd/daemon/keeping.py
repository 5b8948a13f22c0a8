"""What one process of a daemon does for all of them, beside whatever serves.

Settling what dead daemons left open, removing what has expired, following payments, sending mail.
Several daemons on one database may do all this at once; several processes of one need not.
"""

import datetime as dt
from typing import Final
from uuid import UUID, uuid4

import attrs
import trio

from relayd import logs
from relayd.accounts.accounts import Accounts
from relayd.background import guarded, keep
from relayd.config import Config
from relayd.daemon.batch import outbound_of
from relayd.database import migrate
from relayd.database.ports import Database
from relayd.engines.selection import models_for_sale
from relayd.errors import DatabaseUnavailable
from relayd.events.credit import forget_old
from relayd.hooks.sender import Sender
from relayd.intake.orphans import sweep_orphans
from relayd.intake.upload_rows import UploadRows
from relayd.intake.uploads import sweep_direct, sweep_uploads
from relayd.ledger import lots, sweeper
from relayd.ledger.forgetting import forget_addresses
from relayd.ledger.sweeper import Patience
from relayd.mail.postman import Postman
from relayd.overview.engine_days import sum_up
from relayd.payments.selling.margins import margins
from relayd.payments.shop import Shop
from relayd.storage.opening import open_storage
from relayd.storage.resumable import Resumable
from relayd.transcriptions.retention import run_retention
from relayd.transcriptions.winding_up import run_winding_up

__all__ = ["Keeping", "migrate_schema", "patience_of"]

log = logs.get(__name__)

# Between two removals of expired sign-ins, and two looks for a day to sum up.
PRUNE_SECONDS: Final = 600
# Between two looks for credit that has run out; nobody can spend it meanwhile.
EXPIRE_SECONDS: Final = 60
# Between two looks for what dead processes left in the spool and in the store.
TIDY_SECONDS: Final = 6 * 3600
# The same for files that came in part: those of a deleted account are not to wait for that.
UPLOADS_SECONDS: Final = 60
# Between attempts to settle a process that died while PostgreSQL is away.
BURY_AGAIN_SECONDS: Final = 1.0


@attrs.define(eq=False)
class Keeping:
    """The loops of one daemon. ``boot_id`` is its own where it serves too: it never judges it."""

    config: Config
    database: Database
    accounts: Accounts
    shop: Shop | None
    boot_id: UUID = attrs.field(factory=uuid4)

    async def run(self) -> None:
        """All of them, until cancelled."""
        self._show_packages()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sweep)
            nursery.start_soon(self._prune)
            nursery.start_soon(self._sum_up)
            nursery.start_soon(self._expire)
            nursery.start_soon(self._retain)
            nursery.start_soon(run_winding_up, self.database, self.config.batch.result_days)
            nursery.start_soon(Sender(self.database, outbound_of(self.config)).run)
            nursery.start_soon(self._tidy)
            nursery.start_soon(self._end_uploads)
            if self.shop is not None:
                nursery.start_soon(self.shop.run)
            postman = Postman.configured(self.config, self.database)
            if postman is not None:
                nursery.start_soon(postman.run)

    def news(self) -> None:
        """Another process kept a message of Stripe's."""
        if self.shop is not None:
            self.shop.events.wake()

    async def bury(self, boot_id: UUID) -> None:
        """Settle what a process that is known to be dead left open, as soon as that can be."""
        while True:
            try:
                # A fault of ours is the sweeper's to try again; it ends nobody's streams.
                with guarded("dead process can't be settled", boot=boot_id):
                    await sweeper.end_boot(self.database, boot_id)
                    # A look of its own: it knows nobody long enough to take them for dead.
                    await sweeper.Sweeper(
                        self.database, self.boot_id, patience_of(self.config)
                    ).sweep()
            except DatabaseUnavailable as error:
                log.warning("a dead process is not settled yet", boot=boot_id, problem=str(error))
                await trio.sleep(BURY_AGAIN_SECONDS)
            else:
                return

    def _show_packages(self) -> None:
        log.info("sales", on=self.config.stripe.sales)
        if not self.config.stripe.sales:
            return
        for margin in margins(
            self.config.packages, models_for_sale(self.config), self.config.costs
        ):
            tell = log.warning if margin.losing else log.info
            tell("package for sale", package=margin.package.id, margin=margin)

    async def _expire(self) -> None:
        """Take the lots that have run out, so that nobody is shown credit that is gone."""

        async def look() -> None:
            await lots.expire_due(self.database)
            await trio.sleep(EXPIRE_SECONDS)

        await keep("credit that runs out", look, again_seconds=EXPIRE_SECONDS)

    async def _sweep(self) -> None:
        await sweeper.run_sweeper(self.database, self.boot_id, patience_of(self.config))

    async def _sum_up(self) -> None:
        """Sum up the days that are over, so that a look at a month is a short one."""

        async def look() -> None:
            while await self.database.transact(sum_up, dt.datetime.now(dt.UTC)):
                await trio.lowlevel.checkpoint()
            await trio.sleep(PRUNE_SECONDS)

        await keep("summing up days", look)

    async def _retain(self) -> None:
        """Delete what of recordings is over."""
        store = open_storage(self.config.storage, self.config.files_directory).store
        await run_retention(self.database, store, self.config.batch.result_days)

    async def _tidy(self) -> None:
        """Remove what processes that died left in the spool and in the store."""
        storage = open_storage(self.config.storage, self.config.files_directory)

        async def tidy() -> None:
            await storage.spool.sweep()
            now = dt.datetime.now(dt.UTC)
            await sweep_orphans(self.database, storage.store, now)
            await sweep_direct(UploadRows(self.database), storage.store, now)
            await trio.sleep(TIDY_SECONDS)

        await keep("tidying", tidy)

    async def _end_uploads(self) -> None:
        """Remove what came in part and nobody goes on with, or whose account was deleted."""
        storage = open_storage(self.config.storage, self.config.files_directory)
        records, files = UploadRows(self.database), Resumable(storage.spool)

        async def end() -> None:
            await sweep_uploads(records, files)
            await trio.sleep(UPLOADS_SECONDS)

        await keep("ending uploads", end)

    async def _prune(self) -> None:
        """Remove expired sign-ins, old addresses and such, a bounded number at a time."""

        async def prune() -> None:
            removed = await self.accounts.prune()
            await self.database.transact(forget_old)
            forgotten = await forget_addresses(self.database, self.config.log.address_days)
            if removed:
                log.info("expired sign-ins removed", count=removed)
            if forgotten:
                log.info("addresses of old sessions forgotten", count=forgotten)
            await trio.sleep(PRUNE_SECONDS)

        await keep("pruning", prune)


def patience_of(config: Config) -> Patience:
    """How patient a sweeper is, as configured."""
    metering = config.metering
    return Patience(metering.sweep_seconds, metering.dead_seconds, config.beat_seconds)


async def migrate_schema(database: Database) -> None:
    """Bring the schema up to this program."""
    for name in await database.transact(migrate.apply):
        log.info("migration applied", name=name)
