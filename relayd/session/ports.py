"""What a session needs of the world: three seams, and the values that cross them.

The adapters (edge, engines, ledger, accounts) implement these Protocols; the tests'
fakes do too. An adapter raises only its port's exception of `relayd.errors`.
"""

import enum
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from uuid import UUID

import attrs

from relayd.session.endings import EndReason
from relayd.session.meter import AudioFormat

__all__ = [
    "Authenticator",
    "Client",
    "Closed",
    "ConfigRefusal",
    "Engine",
    "Ledger",
    "OpenRefusal",
    "OpenRequest",
    "Opened",
    "Principal",
    "Renewed",
    "Revoked",
    "Settlement",
    "SpeechStarted",
    "StreamPlan",
    "Transcript",
    "Upstream",
    "UpstreamEvent",
    "UtteranceEnd",
    "Word",
]


class Client(Protocol):
    """The app's end of the connection. Raises `ClientGone` once it ended."""

    async def receive(self) -> str | bytes:
        """The next message: text, or binary (possibly empty). Cancel-safe."""

    def send_at_once(self, message: str) -> bool:
        """Send one text message if that needs no waiting; False where nothing was sent."""

    async def send(self, message: str) -> None:
        """Send one text message; cancelling it leaves the connection unusable."""

    async def close(self, code: int, reason: str) -> None:
        """Closing handshake, then the socket. A cancelled close cuts the socket."""

    def on_gone(self, callback: Callable[[], object]) -> None:
        """Call back once when the peer hung up, even while nobody receives.

        A stalled engine must not hide that the client left (nor may a full socket buffer).
        """


@attrs.frozen
class Principal:
    """An authenticated user and the sign-in (token family) the token came from."""

    user_id: UUID
    family_id: UUID | None


class Authenticator(Protocol):
    """Checks access tokens; pure computation, no I/O."""

    def authenticate(self, token: str) -> Principal | None:
        """The token's owner, or None for a wrong or expired token."""


@attrs.frozen
class StreamPlan:
    """A client's checked configuration: what the meter counts and what the engine is told."""

    format: AudioFormat
    model: str
    interim_results: bool
    # Further engine options, already checked; a repeated one holds several values.
    options: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


@attrs.frozen
class ConfigRefusal:
    """A configuration value that is not allowed; the message names the key and the remedy."""

    key: str
    message: str


@attrs.frozen
class Word:
    """One recognised word; times are seconds on the stream's audio timeline."""

    word: str
    start: float
    end: float
    confidence: float
    punctuated_word: str | None = None
    speaker: int | None = None


@attrs.frozen
class Transcript:
    """A result: what was said in ``[start, start + duration)`` seconds, final or interim."""

    text: str
    is_final: bool
    speech_final: bool
    confidence: float
    start: float
    duration: float
    words: tuple[Word, ...] = ()
    # Which channel, where each is transcribed by itself.
    channel: int | None = None
    from_finalize: bool = False


@attrs.frozen
class SpeechStarted:
    """Voice activity began at this second of the audio."""

    timestamp: float


@attrs.frozen
class UtteranceEnd:
    """No word followed the one that ended at this second of the audio."""

    last_word_end: float


UpstreamEvent = Transcript | SpeechStarted | UtteranceEnd


class Upstream(Protocol):
    """One open engine stream. Raises `UpstreamError`s.

    The adapter keeps the stream alive by itself while no audio flows, and puts its own
    deadline on every send. What the engine says, its end too, is noticed in `receive`: somebody
    must wait there for as long as the stream is used.
    """

    def send_audio_at_once(self, audio: bytes) -> bool:
        """Pass audio on if that needs no waiting; False where nothing was sent."""

    async def send_audio(self, audio: bytes) -> None:
        """Pass audio on, in order; whole samples are not required."""

    async def finalize(self) -> None:
        """Ask for the results of everything sent so far; the stream goes on."""

    async def finish(self) -> None:
        """No more audio: the engine delivers its last results and then ends the stream."""

    async def receive(self) -> UpstreamEvent | None:
        """The next event; None once the engine ended the stream after `finish`."""

    @property
    def reported_ms(self) -> int | None:
        """The engine's own figure of the audio it heard, as far as it said one."""


class Engine(Protocol):
    """A speech-to-text engine."""

    @property
    def name(self) -> str:
        """Its name in the configuration, the ledger and ``ready``."""

    def plan(self, config: Mapping[str, Any]) -> StreamPlan | ConfigRefusal:
        """Check a client's ``config`` object; nothing is opened yet."""

    def open(self, plan: StreamPlan) -> AbstractAsyncContextManager[Upstream]:
        """Open a stream; leaving the context closes it, at once when cancelled."""


@attrs.frozen
class OpenRequest:
    """A session about to start. The id is the caller's, so that a retry is the same session."""

    session_id: UUID
    principal: Principal
    engine: str
    model: str
    client_address: str


@attrs.frozen
class Opened:
    """The session may run. Milliseconds; ``balance_ms`` is all the user has, holds included."""

    held_ms: int
    final: bool
    balance_ms: int


class OpenRefusal(enum.Enum):
    """Why a session may not start."""

    INSUFFICIENT_CREDITS = EndReason.INSUFFICIENT_CREDITS
    TOO_MANY_SESSIONS = EndReason.TOO_MANY_SESSIONS
    AUTH_REVOKED = EndReason.AUTH_REVOKED
    CREDIT_FROZEN = EndReason.CREDIT_FROZEN


@attrs.frozen
class Renewed:
    """The hold as it stands after a renewal.

    ``held_ms`` is a running total (used part included). ``final``: this is the last of the
    credit, no other session of the user holds any. ``wanted``: another session of the user
    starves, so give back what is not needed at the next renewal.
    """

    held_ms: int
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
    """How a session ended. ``used_ms`` is the meter's total, ``reported_ms`` the engine's."""

    session_id: UUID
    used_ms: int
    reported_ms: int | None
    reason: EndReason


@attrs.frozen
class Closed:
    """A settled session: what was charged, and what the user has left."""

    charged_ms: int
    balance_ms: int


class Ledger(Protocol):
    """The money. Every call is one transaction, may be repeated, raises `LedgerUnavailable`."""

    async def open(self, request: OpenRequest) -> Opened | OpenRefusal:
        """Record the session and set its first hold aside."""

    async def renew(self, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed | Revoked:
        """Record the running total and extend the hold.

        ``used_ms <= keep_ms``, both running totals: the ledger never lowers the hold below
        ``keep_ms``, the most the session may use until it has read the answer. Repeating
        a renewal charges nothing twice.
        """

    async def close(self, settlement: Settlement) -> Closed:
        """Settle: one ledger entry, the unused hold given back. Idempotent."""

    async def balance_ms(self, user_id: UUID) -> int:
        """What the user has, holds included; for a session that was refused."""
