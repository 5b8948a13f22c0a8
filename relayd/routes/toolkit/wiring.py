"""What the routes stand on, and how a view reaches it.

The daemon builds one `Services` and hands it to `create_app`; views take it from the running
app. Nothing is held in module globals, so that two apps can live in one process.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, cast
from uuid import UUID

import attrs
import trio
from quart import current_app, has_websocket_context, request, websocket

from relayd import config
from relayd.accounts.accounts import Accounts
from relayd.accounts.operators import Deed, Hand, OperatorRefusal
from relayd.accounts.outcomes import ChangeRefusal, Delayed
from relayd.config import Package
from relayd.edge.addresses import Proxies
from relayd.events.live import LiveCredit
from relayd.hooks.rows import Delivery, Endpoint
from relayd.identity import Principal
from relayd.intake.asked import Asked, Format
from relayd.intake.intake import Intake
from relayd.intake.uploads import Uploads
from relayd.keys.keys import Keys
from relayd.ledger.balances import Entry
from relayd.ledger.lots import LotRecord
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal, DayUsage, SessionRecord
from relayd.overview.glance import Glance
from relayd.payments.books.purchases import Purchase
from relayd.payments.books.receipts import Bought, ReceiptRefusal
from relayd.payments.books.subscriptions import ForSubscribers, Subscriber
from relayd.payments.selling.subscribing import PortalRefusal, SubscribeRefusal
from relayd.payments.shop import Accepted, CheckoutRefusal, CheckoutUrl, Rejected
from relayd.plans.plans import Plan, Plans
from relayd.plans.rates import Admission
from relayd.plans.service import PlanStanding
from relayd.quotas.counters import Counters
from relayd.quotas.limits import Quotas
from relayd.routes.toolkit.probe import Probe
from relayd.session.registry import Sessions
from relayd.transcriptions.outcomes import (
    Declined,
    Filters,
    Page,
    QueueStats,
    Standing,
    Transcription,
    UserStats,
)

__all__ = [
    "Batch",
    "ByHand",
    "Fetches",
    "Hooks",
    "PlanRoster",
    "PlanSales",
    "Prober",
    "Recordings",
    "Sales",
    "Services",
    "UserCredit",
    "Wiring",
    "requester_address",
    "wiring",
]

EXTENSION: Final = "relayd"


class UserCredit(Protocol):
    """A user's credit, to look at; raises `DatabaseUnavailable`."""

    def balance(self, user_id: UUID) -> Awaitable[Balance | None]:
        """What the user has; None for an unknown one."""

    def usage(self, user_id: UUID, days: int) -> Awaitable[Sequence[DayUsage]]:
        """The last UTC days, today included, oldest first, none left out."""

    def live_sessions(self, user_id: UUID) -> Awaitable[Sequence[SessionRecord]]:
        """Those that run now, in any daemon."""

    def recent_sessions(self, user_id: UUID, most: int) -> Awaitable[Sequence[SessionRecord]]:
        """The latest ended sessions, newest first."""


class PlanSales(Protocol):
    """Subscriptions to plans (`payments.selling.subscribing`). Raises `DatabaseUnavailable`."""

    @property
    def plans(self) -> Sequence[ForSubscribers]:
        """What can be subscribed to."""

    def begin(
        self, principal: Principal, plan_name: str, base_url: str
    ) -> Awaitable[CheckoutUrl | SubscribeRefusal]:
        """A page to subscribe on; ``base_url`` is where the buyer's browser comes back to."""

    def portal(self, principal: Principal, return_url: str) -> Awaitable[str | PortalRefusal]:
        """A page on which a subscriber cancels, or changes the card."""

    def standing(self, principal: Principal, *, look: bool = True) -> Awaitable[Subscriber | None]:
        """The user's subscription, the one that runs or the last one."""

    def come_back(
        self, principal: Principal, checkout_session_id: str, *, look: bool = True
    ) -> Awaitable[Subscriber | None]:
        """One of the user's by the page that it was begun on."""


class Sales(Protocol):
    """Sales, where they are on; raises `DatabaseUnavailable`."""

    @property
    def subscribing(self) -> PlanSales:
        """What is paid every month."""

    def checkout(
        self, principal: Principal, package_id: str, base_url: str
    ) -> Awaitable[CheckoutUrl | CheckoutRefusal]:
        """Begin a purchase; ``base_url`` is where the buyer's browser comes back to."""

    def purchase(
        self, principal: Principal, checkout_session_id: str, *, look: bool = True
    ) -> Awaitable[Purchase | None]:
        """One of the user's own, after asking Stripe where it may help and ``look`` allows."""

    def any_purchase(self, checkout_session_id: str) -> Awaitable[Purchase | None]:
        """Anybody's, after asking Stripe where it may help, for whoever has the Session's id."""

    def purchases(self, principal: Principal) -> Awaitable[Sequence[Bought]]:
        """What this user has bought, newest first."""

    def receipt(
        self, principal: Principal, checkout_session_id: str
    ) -> Awaitable[str | ReceiptRefusal]:
        """Where the receipt of one of them can be read."""

    def webhook(self, raw: bytes, signature: str | None) -> Awaitable[Accepted | Rejected]:
        """Keep a message of Stripe's."""


class Prober(Protocol):
    """The database, as far as /health needs it."""

    def probe(self) -> Awaitable[bool]:
        """Whether it answers, within a bound of its own."""


class Recordings(Protocol):
    """Recordings in the queue and their ends; see `relayd.transcriptions.service`."""

    def look(
        self, user_id: UUID, transcription_id: UUID, *, test: bool = False
    ) -> Awaitable[Standing | None]:
        """How one stands; None for one that isn't theirs."""

    def page(
        self,
        user_id: UUID,
        filters: Filters,
        before: int | None = None,
        most: int = 50,
        *,
        test: bool = False,
    ) -> Awaitable[Page]:
        """Theirs, newest first."""

    def cancel(
        self, user_id: UUID, transcription_id: UUID, *, test: bool = False
    ) -> Awaitable[Transcription | None]:
        """Call one off."""

    def delete(
        self, user_id: UUID, transcription_id: UUID, *, test: bool = False
    ) -> Awaitable[Transcription | None]:
        """Take one away."""

    def user_stats(self, user_id: UUID, *, test: bool = False) -> Awaitable[UserStats]:
        """What there is of theirs."""

    def queue_stats(self) -> Awaitable[QueueStats]:
        """What there is of everybody's."""


class Fetches(Protocol):
    """Recordings that are fetched; raises `DatabaseUnavailable`."""

    def begin(self, user_id: UUID, asked: Asked, url: str) -> Awaitable[Standing | Declined]:
        """Record one, which comes by itself."""


class Hooks(Protocol):
    """Whom to tell that recordings have ended; see `relayd.hooks.webhooks`."""

    def add(self, user_id: UUID, url: str, *, every: bool) -> Awaitable[Endpoint | None]:
        """The endpoint of an address; None where there are too many."""

    def endpoints(self, user_id: UUID) -> Awaitable[Sequence[Endpoint]]:
        """All of somebody's."""

    def remove(self, user_id: UUID, endpoint_id: UUID) -> Awaitable[bool]:
        """Forget one; whether it was there."""

    def deliveries(
        self, user_id: UUID, endpoint_id: UUID, before: int | None = None
    ) -> Awaitable[Sequence[Delivery]]:
        """What was and will be sent there, newest first."""

    def send_again(self, user_id: UUID, delivery_id: UUID) -> Awaitable[Delivery | None]:
        """Send one once more."""


class PlanRoster(Protocol):
    """Who is on which plan; see `relayd.plans.service`."""

    @property
    def plans(self) -> Plans | None:
        """Those that there are."""

    def plan(self, user_id: UUID) -> Awaitable[Plan | None]:
        """The plan that a user is on."""

    def standing(self, user_id: UUID, *, test: bool = False) -> Awaitable[PlanStanding | None]:
        """How a user stands; None for an unknown one."""

    def admit(self, user_id: UUID) -> Awaitable[Admission | None]:
        """Count a request under the user's plan."""

    def lots(self, user_id: UUID, most: int) -> Awaitable[Sequence[LotRecord]]:
        """A user's credit that runs out; those with something left first."""


class ByHand(Protocol):
    """What operators do by hand; see `relayd.accounts.operators`. Raises `DatabaseUnavailable`."""

    def book(
        self, hand: Hand, entry: Entry
    ) -> Awaitable[Booked | BookingRefusal | OperatorRefusal | Delayed]:
        """Adjust credit, once for each key of an entry."""

    def set_disabled(
        self, hand: Hand, deed: Deed, *, disabled: bool
    ) -> Awaitable[bool | ChangeRefusal | OperatorRefusal | Delayed]:
        """Keep an account out, or let it in again; False where it stands so already."""


@attrs.frozen
class Batch:
    """Files in, transcripts out. The first of ``models`` is meant where none is named.

    ``written``: a stored document in a format, with the recording's name.
    """

    intake: Intake
    uploads: Uploads
    fetches: Fetches
    transcriptions: Recordings
    webhooks: Hooks
    models: Sequence[str]
    written: Callable[[bytes, Format, str], bytes]
    upload_bytes_max: int

    def model(self, name: str) -> str | None:
        """A model's name as the operator spells it; None for one that isn't there.

        Of no name, and of ``default`` where the operator calls none so, it is the first.
        """
        found = next((one for one in self.models if one.lower() == name.lower()), None)
        return self.models[0] if found is None and name.lower() in {"", "default"} else found


@attrs.frozen
class Services:
    """Everything the daemon gives to the routes.

    ``origins`` are all pages that may open a stream, ``own_origins`` those of them that this server
    serves itself.
    """

    accounts: Accounts
    wallet: UserCredit
    database: Prober
    sessions: Sessions
    proxies: Proxies = attrs.field(factory=Proxies)
    origins: Sequence[str] = ()
    # To sign in, of an address; and of a user who is signed in.
    requests_per_minute: int = 10
    requests_per_user: int = 300
    # Accounts that may be made from one address; None: as many as requests are.
    sign_ups_per_hour: int | None = None
    # Whose addresses can't be registered.
    refused_domains: frozenset[str] = frozenset()
    quotas: Quotas = attrs.field(factory=Counters)
    own_origins: Sequence[str] = ()
    # Where the program's source is, for the landing page; empty where it isn't said.
    repository_url: str = ""
    # Who sells here, and whom users may ask.
    seller: config.Seller = attrs.field(factory=config.Seller)
    live_credit: LiveCredit | None = None
    # What is for sale, also while nothing is sold (no shop).
    packages: Sequence[Package] = ()
    shop: Sales | None = None
    public_url: str = ""
    batch: Batch | None = None
    keys: Keys | None = None
    # What operators see of the whole.
    glance: Glance | None = None
    plans: PlanRoster | None = None
    by_hand: ByHand | None = None


@attrs.frozen
class Wiring:
    """The services and the state that belongs to one running app."""

    services: Services
    probe: Probe
    # Webhooks whose bodies are in memory: 4 MiB at most, whoever sends them.
    webhook_bodies: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(4))


def wiring() -> Wiring:
    """That of the app which serves the current request or WebSocket."""
    return cast("Wiring", current_app.extensions[EXTENSION])


def requester_address() -> str:
    """The client's address, as far as configured proxies can be believed about it."""
    connection = websocket if has_websocket_context() else request
    # From the scope: Quart's own remote_addr is a header among the client's.
    return wiring().services.proxies.requester(connection.scope)
