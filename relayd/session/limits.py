"""Every bound of a session, in one frozen value."""

import attrs

__all__ = ["Limits"]


@attrs.frozen
class Limits:
    """Seconds unless named otherwise. The defaults are those of ``relayd.toml.example``."""

    # From the upgrade to the first message.
    auth_seconds: float = 5
    # Without audio and without a keepalive.
    idle_seconds: float = 60
    session_seconds: float = 4 * 3600
    # For one message to be taken by the client's socket.
    send_seconds: float = 5
    # Results that may wait for the client. 64 of at most some 8 KiB (a long final with its words)
    # are 512 KiB, half of what a client that never reads may cost; at four a second they last
    # longer than the deadline of one send, so a full outbox means trouble and not a burst.
    outbox_messages: int = 64
    # For the engine's last words.
    finish_seconds: float = 3
    # For the ledger to settle; afterwards the registry goes on trying without the session.
    settle_seconds: float = 5
    # For the closing handshake.
    close_seconds: float = 2
    # Between two renewals while more than half of the hold is left.
    flush_seconds: float = 5
    # How long a renewal lets a session admit audio. Shorter than the time after which a silent
    # daemon is taken for dead, so that no audio is admitted on a hold that was given back.
    lease_seconds: float = 35
    credits_low_seconds: tuple[int, ...] = (300, 60, 15)

    @property
    def starved_seconds(self) -> float:
        """How long a session waits for what others of its user hold.

        They renew within one flush, see that it is wanted, and give it back with the next.
        """
        return 2 * self.flush_seconds + 1
