"""Every bound of a session, in one frozen value."""

import attrs

__all__ = ["SessionLimits"]


@attrs.frozen(kw_only=True)
class SessionLimits:
    """Seconds unless named otherwise. The figures are the operator's: `relayd.config`."""

    # From the upgrade to the first message.
    auth_seconds: float
    # Without audio and without a keepalive.
    idle_seconds: float
    # Without audio, however alive its app is.
    audioless_seconds: float
    session_seconds: float
    # For one message to be taken by the client's socket.
    send_seconds: float
    # Results that may wait for the client. At four a second 64 last longer than the deadline of
    # one send, so a full outbox means trouble and not a burst.
    outbox_messages: int
    # For the engine's last words.
    finish_seconds: float
    # For the ledger to settle; afterwards the registry goes on trying without the session.
    settle_seconds: float
    # For the closing handshake.
    close_seconds: float
    # How long a session goes on without its app, where that can come back; 0: not at all.
    resume_seconds: float
    # Between two renewals while more than half of the hold is left.
    flush_seconds: float
    # How long a renewal lets a session admit audio. Shorter than the time after which a silent
    # daemon is taken for dead, so that no audio is admitted on a hold that was given back.
    lease_seconds: float
    credits_low_seconds: tuple[int, ...]

    @property
    def starved_seconds(self) -> float:
        """How long a session waits for what others of its user hold.

        They renew within one flush, see that it is wanted, and give it back with the next.
        """
        return 2 * self.flush_seconds + 1
