"""The whole configuration: one immutable object, built at the edge of the program.

Each part of the program is passed the narrowest section that it needs, never `Config`.
"""

from pathlib import Path

import attrs

from relayd.config.keys import about
from relayd.config.sections.api_keys import ApiKeys
from relayd.config.sections.auth import Auth
from relayd.config.sections.batch import Batch
from relayd.config.sections.costs import Costs
from relayd.config.sections.database import Database
from relayd.config.sections.engines import EngineChoice, Engines
from relayd.config.sections.limits import Limits
from relayd.config.sections.log import Log
from relayd.config.sections.mail import Mail
from relayd.config.sections.metering import Metering
from relayd.config.sections.packages import DEFAULT_PACKAGES, Package
from relayd.config.sections.plans import Plans
from relayd.config.sections.recording_models import RecordingModel
from relayd.config.sections.seller import Seller
from relayd.config.sections.server import Server
from relayd.config.sections.storage import Storage
from relayd.config.sections.stripe import Stripe

__all__ = ["Config"]


@attrs.frozen(kw_only=True)
class Config:
    """Every section, and the file that they were read from."""

    server: Server = attrs.field(
        factory=Server,
        metadata=about("The sockets: where to listen, whom to believe, how many to serve."),
    )
    database: Database = attrs.field(
        factory=Database,
        metadata=about(
            "PostgreSQL holds accounts and credit, and nothing else does. Every wait for it is "
            "bounded."
        ),
    )
    auth: Auth = attrs.field(
        metadata=about("Accounts: tokens, passwords, and how often somebody may try."),
    )
    keys: ApiKeys = attrs.field(
        factory=ApiKeys, metadata=about("Keys with which programs come in.")
    )
    engine: EngineChoice = attrs.field(
        factory=EngineChoice, metadata=about("Which engine serves the streams.")
    )
    engines: Engines = attrs.field(factory=Engines, metadata=about("One section for each engine."))
    metering: Metering = attrs.field(
        factory=Metering,
        metadata=about(
            "Credit is set aside before it is spent (a hold), so nobody can overspend; what was "
            "not used goes back."
        ),
    )
    limits: Limits = attrs.field(
        factory=Limits, metadata=about("What one stream may take, in time and in memory.")
    )
    storage: Storage = attrs.field(
        factory=Storage,
        metadata=about("Where recordings and transcripts are, until they are deleted."),
    )
    batch: Batch = attrs.field(
        factory=Batch,
        metadata=about("Recordings handed in whole: who works on them, and how many there may be."),
    )
    plans: Plans = attrs.field(
        factory=Plans,
        metadata=about("What users may do, by what they pay; docs/plans.md says how."),
    )
    stripe: Stripe = attrs.field(
        factory=Stripe,
        metadata=about("Selling credit through Stripe Checkout; docs/payments.md says how."),
    )
    seller: Seller = attrs.field(
        factory=Seller,
        metadata=about("Who sells and whom to ask, on the pages that sell, sign in and register."),
    )
    mail: Mail = attrs.field(
        factory=Mail,
        metadata=about(
            "Mail to users: proof of an address, a new password, notices of what they should know."
        ),
    )
    costs: Costs = attrs.field(
        factory=Costs,
        metadata=about("What a sale costs you; `relayd check` shows each package's margin."),
    )
    packages: tuple[Package, ...] = attrs.field(
        default=DEFAULT_PACKAGES,
        metadata=about("What is for sale. Where you write one, all of the defaults are gone."),
    )
    models: tuple[RecordingModel, ...] = attrs.field(
        default=(),
        metadata=about(
            "What recordings may be transcribed with. Without any: each model of the engines that "
            "are set up, and the first engine's is the default."
        ),
    )
    log: Log = attrs.field(
        factory=Log,
        metadata=about(
            "What is written, to standard output for journald or a container, and kept."
        ),
    )
    # The file that was read; None where the environment said everything.
    path: Path | None = None

    @property
    def files_directory(self) -> Path:
        """What `[storage] directory` comes to."""
        return self.storage.directory or self.database.data_directory.parent / "relayd-files"

    @property
    def beat_seconds(self) -> float:
        """The longest between two beats of a daemon that lives, while PostgreSQL answers it."""
        waits = self.database.pool_seconds + self.database.statement_seconds
        return self.metering.heartbeat_seconds + waits
