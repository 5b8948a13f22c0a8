"""`[metering]`: its keys."""

import attrs

from relayd.config.keys import about

__all__ = ["Metering"]


@attrs.frozen(kw_only=True)
class Metering:
    """How credit is set aside and recorded."""

    hold_seconds: int = attrs.field(
        default=30,
        metadata=about(
            "Credit set aside for a session at a time. Longer rides out longer outages of the "
            "database; shorter leaves more to a user's other sessions.",
            unit="seconds",
            least=1,
            most=600,
        ),
    )
    flush_seconds: float = attrs.field(
        default=5,
        metadata=about(
            "How often a session records what it used: the most that is lost, never overcharged, "
            "when the process is killed. Where the database was out of reach before that, up to "
            "hold_seconds. Below hold_seconds.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )
    credits_low_seconds: tuple[int, ...] = attrs.field(
        default=(300, 60, 15),
        metadata=about(
            "Remaining credit at which a client is warned, once at each.",
            unit="seconds",
            least=1,
            most=86_400,
        ),
    )
    heartbeat_seconds: float = attrs.field(
        default=5,
        metadata=about(
            "How often a daemon says in the database that it lives.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )
    dead_seconds: float = attrs.field(
        default=45,
        metadata=about(
            "A daemon that was silent for this long is taken for dead and its sessions are "
            "settled by another. At least three heartbeats, no less than one slow one "
            "(heartbeat_seconds, database.pool_seconds and database.statement_seconds together), "
            "and longer than hold_seconds and flush_seconds together, or a session could still "
            "spend what was given back.",
            unit="seconds",
            least=0.3,
            most=3600,
        ),
    )
    sweep_seconds: float = attrs.field(
        default=10,
        metadata=about(
            "How often a daemon looks for sessions of dead ones.",
            unit="seconds",
            least=0.1,
            most=600,
        ),
    )

    @property
    def lease_seconds(self) -> float:
        """How long a session may spend after its last renewal: until the hold is used up."""
        return self.hold_seconds + self.flush_seconds
