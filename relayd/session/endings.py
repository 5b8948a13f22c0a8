"""Why a session ended: a closed list of reasons, and the cell in which the first one wins."""

import enum

import attrs
import trio

from relayd.speech.engine import CLOSED, UNAVAILABLE

__all__ = ["EndReason", "Ending"]


class EndReason(enum.Enum):
    """(label, wording).

    The label is what the ledger stores and the log says, the wording what apps show their users.
    Codes are a dialect's.
    """

    COMPLETED = ("completed", "Finished.")
    CLIENT_GONE = ("client_gone", "The connection was lost.")
    AUTH_TIMEOUT = (
        "auth_timeout",
        "No auth message came in time. Send it first, right after connecting.",
    )
    AUTH_FAILED = (
        "auth_failed",
        "The access token or API key is missing, wrong or expired. Sign in again or renew it.",
    )
    AUTH_REVOKED = (
        "auth_revoked",
        "This sign-in or API key was ended. Sign in again, or use another key.",
    )
    INSUFFICIENT_CREDITS = ("insufficient_credits", "No credit is left. Buy more to go on.")
    CREDIT_FROZEN = (
        "credit_frozen",
        "A payment for this account is disputed. Its credit is frozen until that is decided.",
    )
    BAD_CONFIG = ("bad_config", "The configuration was refused.")
    TOO_MANY_SESSIONS = (
        "too_many_sessions",
        "Too many live sessions on this account. End one first.",
    )
    IDLE_TIMEOUT = ("idle_timeout", "Neither audio nor a keepalive came for too long.")
    SESSION_LIMIT = (
        "session_limit",
        "The longest allowed session was reached. Connect again to go on.",
    )
    SLOW_CLIENT = ("slow_client", "Results were not read fast enough.")
    UPSTREAM_UNAVAILABLE = ("upstream_unavailable", UNAVAILABLE)
    UPSTREAM_CLOSED = ("upstream_closed", CLOSED)
    SERVICE_UNAVAILABLE = (
        "service_unavailable",
        "Accounts can't be reached right now. Try again shortly.",
    )
    SERVER_DRAINING = ("server_draining", "The server restarts. Connect again.")
    INTERNAL_ERROR = ("internal_error", "An internal error. It was logged; try again.")

    def __init__(self, label: str, wording: str) -> None:
        self.label = label
        self.wording = wording

    @property
    def by_app(self) -> bool:
        """The app ended it, or is not there any more: nothing to explain."""
        return self in {EndReason.COMPLETED, EndReason.CLIENT_GONE}

    @property
    def by_us(self) -> bool:
        """A fault or a need of ours ended it; audio that is sent again is not charged again."""
        return self in _BY_US

    @property
    def orderly(self) -> bool:
        """Both ends are still there, so the engine's last words are worth waiting for."""
        return self not in _ABRUPT


_BY_US = frozenset({EndReason.SERVER_DRAINING, EndReason.UPSTREAM_CLOSED, EndReason.INTERNAL_ERROR})

_ABRUPT = frozenset(
    {
        EndReason.CLIENT_GONE,
        EndReason.SLOW_CLIENT,
        EndReason.UPSTREAM_UNAVAILABLE,
        EndReason.UPSTREAM_CLOSED,
        EndReason.BAD_CONFIG,
        EndReason.INTERNAL_ERROR,
    }
)


@attrs.define(eq=False)
class Ending:
    """The result cell of a race, and the scope it cancels: the first reason given wins.

    Giving is synchronous and safe from anywhere (a reader, a drain, an operator, a callback
    of the edge); every later reason is ignored. Which scope that ends is the session's to
    say, phase by phase: while it streams, an ending must stop the listening but not the
    engine, whose last words are still to come.
    """

    reason: EndReason | None = None
    detail: str | None = None
    _scope: trio.CancelScope | None = None

    def cancels(self, scope: trio.CancelScope) -> None:
        """From here on a reason ends this scope; at once, if it was given already."""
        self._scope = scope
        if self.reason is not None:
            scope.cancel(reason=self.reason.label)

    def give(self, reason: EndReason, detail: str | None = None) -> bool:
        """End the session for ``reason``; ``detail`` replaces its wording for the client.

        Returns whether this reason is the one.
        """
        if self.reason is not None:
            return False
        self.reason = reason
        self.detail = detail
        if self._scope is not None:
            self._scope.cancel(reason=reason.label)
        return True

    @property
    def wording(self) -> str:
        """What the client is told."""
        assert self.reason is not None
        return self.detail or self.reason.wording
