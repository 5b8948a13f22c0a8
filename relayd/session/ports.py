"""What a session needs of the world: its client, the ledger, and all its adapters together.

The adapters (edge, ledger) implement these Protocols; the tests' fakes do too. An adapter
raises only its port's exception of `relayd.errors`.
"""

import enum
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID, uuid4

import attrs
import trio

from relayd.clock import Clock
from relayd.identity import Authenticator, Principal
from relayd.session.endings import EndReason
from relayd.session.hearers import Share
from relayd.speech.engine import Engine
from relayd.speech.tariff import EVEN, Tariff

__all__ = [
    "Client",
    "Closed",
    "Continuation",
    "Ledger",
    "OpenRefusal",
    "OpenRequest",
    "Opened",
    "Ports",
    "Renewed",
    "Revoked",
    "Settlement",
    "Trial",
]


class Client(Protocol):
    """The app's end of the connection. Raises `ClientGone` once it ended."""

    @property
    def peer_code(self) -> int | None:
        """The code with which the peer ended it (RFC 6455, 7.4); None while it is open.

        1005 stands for a close without a code, 1006 for a connection that was lost. What can't
        tell says None for ever.
        """

    async def receive(self, take: Callable[[str | bytes], bool] = ...) -> str | bytes:
        """Offer each message to ``take`` as it comes; return the first that it doesn't take.

        A message is text, or binary (possibly empty). ``take`` is called in whatever task reads
        the connection, and must not wait; by itself it takes nothing. While nobody receives,
        nothing is read. Cancel-safe.
        """

    async def receive_first(self) -> str | bytes:
        """The first message, before it is known who sends it: a small one."""

    def send_at_once(self, message: str) -> bool:
        """Send one text message if that needs no waiting; False where nothing was sent."""

    async def send(self, message: str) -> None:
        """Send one text message; cancelling it leaves the connection unusable."""

    async def close(self, code: int, reason: str) -> None:
        """Closing handshake, then the socket. A cancelled close cuts the socket."""

    def cut(self) -> None:
        """End it at once, without a word; whoever receives or sends hears that it ended."""

    def on_gone(self, callback: Callable[[], object]) -> None:
        """Call back once when the peer hung up, even while nobody receives.

        A stalled engine must not hide that the client left (nor may a full socket buffer).
        """


@attrs.frozen
class Continuation:
    """A session that is over, and whose last audio another one begins with again.

    Milliseconds of credit at the new one's price: where in that audio it begins, and how much of
    what was charged for it may count as paid.
    """

    session_id: UUID
    start_ms: int
    most_ms: int


@attrs.frozen
class OpenRequest:
    """A session about to start. The id is the caller's, so that a retry is the same session."""

    session_id: UUID
    principal: Principal
    engine: str
    model: str
    client_address: str
    # At what price; every total of the session is credit at this price.
    tariff: Tariff = EVEN
    continues: Continuation | None = None


@attrs.frozen
class Opened:
    """The session may run. Milliseconds.

    ``balance_ms`` is all that the user has for live streams, their holds included. ``paid_ms`` of
    what it uses first were charged already, by the session that it continues.
    """

    held_total_ms: int
    final: bool
    balance_ms: int
    paid_ms: int = 0


class OpenRefusal(enum.Enum):
    """Why a session may not start."""

    INSUFFICIENT_CREDITS = EndReason.INSUFFICIENT_CREDITS
    TOO_MANY_SESSIONS = EndReason.TOO_MANY_SESSIONS
    AUTH_REVOKED = EndReason.AUTH_REVOKED
    CREDIT_FROZEN = EndReason.CREDIT_FROZEN
    # It was opened and is over: an opening that comes late opens nothing again.
    SESSION_SETTLED = EndReason.INTERNAL_ERROR


@attrs.frozen
class Renewed:
    """The hold as it stands after a renewal.

    ``held_total_ms`` is a running total (used part included). ``final``: this is the last of the
    credit for live streams, no other session of the user holds any. ``wanted``: another session
    of the user starves, so give back what is not needed at the next renewal.
    """

    held_total_ms: int
    final: bool
    wanted: bool
    balance_ms: int


class Revoked(enum.Enum):
    """The hold is not renewed: the sign-in or the account was ended, or the session is over.

    Or a payment is disputed: what is left can't be spent until that is decided.
    """

    SIGN_IN_ENDED = EndReason.AUTH_REVOKED
    CREDIT_FROZEN = EndReason.CREDIT_FROZEN
    # Swept: this daemon was taken for dead and the session was settled without it.
    SESSION_SETTLED = EndReason.INTERNAL_ERROR


@attrs.frozen
class Settlement:
    """How a session ended. ``used_ms`` is the meter's total, ``reported_ms`` the engine's.

    ``shares``: who heard it, where that was not only who it was planned with.
    """

    session_id: UUID
    used_ms: int
    reported_ms: int | None
    reason: EndReason
    # The `open` that was never answered. Nothing was used, but where it took effect a hold and one
    # of the user's streams are taken.
    unanswered: OpenRequest | None = None
    shares: tuple[Share, ...] = ()


@attrs.frozen
class Closed:
    """A settled session: what was charged, and what the user has left for live streams."""

    charged_ms: int
    balance_ms: int


class Ledger(Protocol):
    """The money. Every call is one transaction, may be repeated, raises `LedgerUnavailable`."""

    async def open(self, request: OpenRequest) -> Opened | OpenRefusal:
        """Record the session and set its first hold aside. A settled one is not opened again.

        What it continues is over from here on. It counts as paid where the app could not help
        that end, and once only.
        """

    async def recall(self, session_id: UUID, user_id: UUID) -> bool:
        """Ask whichever daemon holds this session to end it; whether it is settled already."""

    async def settled(self, session_id: UUID, user_id: UUID) -> bool:
        """Whether this user has no such session open."""

    async def renew(self, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed | Revoked:
        """Record the running total and extend the hold.

        ``used_ms <= keep_ms``, both running totals: the ledger never lowers the hold below
        ``keep_ms``, the most the session may use until it has read the answer. Repeating
        a renewal charges nothing twice.
        """

    async def close(self, settlement: Settlement) -> Closed:
        """Settle: one ledger entry, the unused hold given back. Idempotent.

        Where ``unanswered`` is set, whatever becomes of that opening is settled by this: it has
        taken effect before, or never will.
        """

    async def balance_ms(self, user_id: UUID) -> int:
        """What the user has for live streams; for a session that was refused."""


async def _freely(user_id: UUID) -> float:
    """Open as often as anybody likes."""
    await trio.lowlevel.checkpoint()
    return 0.0


@attrs.frozen
class Trial:
    """What a stream of a test key runs on: no engine hears it, and nobody pays."""

    engine: Engine
    ledger: Ledger


@attrs.frozen
class Ports:
    """The adapters that a session runs on, and what else comes from outside."""

    authenticator: Authenticator
    engine: Engine
    ledger: Ledger
    # Measures leases; `relayd.clock.lease_clock` where machines may sleep.
    clock: Clock = trio.current_time
    new_id: Callable[[], UUID] = uuid4
    # Where sessions live, as their tokens name it: this run of this process.
    place: str = ""
    # Counts a user's openings: seconds to wait, 0.0 meaning that one more is all right.
    opens: Callable[[UUID], Awaitable[float]] = _freely
    trial: Trial | None = None

    def serving(self, principal: Principal) -> "Ports | None":
        """Those for this user's stream; None for a test, where nothing pretends."""
        if not principal.test:
            return self
        if self.trial is None:
            return None
        return attrs.evolve(self, engine=self.trial.engine, ledger=self.trial.ledger)
