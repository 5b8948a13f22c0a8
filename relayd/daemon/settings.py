"""What the configuration comes to for a session and for the edge."""

from typing import Final

from relayd import config
from relayd.edge.addresses import Proxies
from relayd.edge.settings import EdgeSettings
from relayd.engines.selection import local_only
from relayd.session.limits import SessionLimits
from relayd.threads import cores

__all__ = [
    "CONNECTIONS_MIN",
    "edge_settings",
    "processes_of",
    "proxies_of",
    "session_limits",
    "share",
]

# Of flush_seconds in [metering], between two renewals: the record has to be written within it, or a
# killed process would lose a frame more.
FLUSH_EARLY: Final = 0.85
# Of a process to the database: with one, somebody could wait for another of the same process.
CONNECTIONS_MIN: Final = 2


def session_limits(limits: config.Limits, metering: config.Metering) -> SessionLimits:
    """What a session may take."""
    return SessionLimits(
        auth_seconds=limits.auth_seconds,
        idle_seconds=limits.idle_seconds,
        audioless_seconds=limits.audioless_seconds,
        session_seconds=limits.session_seconds,
        send_seconds=limits.send_seconds,
        outbox_messages=limits.outbox_messages,
        finish_seconds=limits.finish_seconds,
        settle_seconds=limits.settle_seconds,
        close_seconds=limits.close_seconds,
        resume_seconds=limits.resume_seconds,
        flush_seconds=metering.flush_seconds * FLUSH_EARLY,
        lease_seconds=metering.lease_seconds,
        credits_low_seconds=metering.credits_low_seconds,
    )


def proxies_of(server: config.Server) -> Proxies:
    """Who is believed about who asks."""
    return Proxies(server.trusted_proxies, server.forwarded_header)


def edge_settings(server: config.Server, limits: config.Limits) -> EdgeSettings:
    """What a connection may take."""
    return EdgeSettings(
        connections_max=server.connections_max,
        connections_per_address=server.connections_per_address,
        connections_per_second=server.connections_per_second,
        proxies=proxies_of(server),
        header_seconds=server.header_seconds,
        keep_alive_seconds=server.keep_alive_seconds,
        message_bytes=limits.message_bytes,
        ping_seconds=limits.ping_seconds,
        pong_seconds=limits.pong_seconds,
        send_seconds=limits.send_seconds,
        close_seconds=limits.close_seconds,
        drain_seconds=server.drain_seconds,
    )


def processes_of(whole: config.Config) -> int:
    """How many processes serve: as configured, else one for each core (see server.processes)."""
    if whole.server.processes:
        return whole.server.processes
    # A local engine works in processes of its own, beside which relaying is nothing.
    alone = whole.database.embedded or local_only(whole)
    return 1 if alone else cores()


def share(connections: int, processes: int) -> int:
    """A process's part of the database connections: two at least."""
    return max(connections // processes, CONNECTIONS_MIN)
