"""The numbers the edge works by: caps, deadlines, sizes. Plain values, composed by the daemon."""

import attrs

from relayd.edge.addresses import Proxies

__all__ = ["EdgeSettings"]


@attrs.frozen(kw_only=True)
class EdgeSettings:
    """Seconds, bytes and counts; every wait and every buffer of the edge has its bound here.

    What has a value is nobody's to configure; the rest is the operator's (`relayd.config`).
    """

    # How many connections at once, and from one address (`quotas.blocks`). Proxies speak for many
    # people: they are exempt from the second, which counts what they pass on for each of those.
    connections_max: int
    connections_per_address: int
    # New ones. A handshake of TLS takes the event loop's time: 5 ms of it with RSA of 4096 bits.
    connections_per_second: int
    proxies: Proxies

    # HTTP. A head has to be complete this soon after its first byte (or after connecting).
    header_seconds: float
    keep_alive_seconds: float
    # From the end of the body to the end of the response; also what a view may take over one
    # part of a streamed body. How long a body may take is its route's (`edge.body`).
    request_seconds: float = 60
    # Once a body is too large or too slow, for the application to say so.
    refusal_seconds: float = 5
    head_bytes: int = 16_384
    # One slice of a response; a reader of less than 64 KiB in that time is cut off.
    http_send_seconds: float = 20
    handshake_seconds: float = 10

    # WebSocket. A message is refused (1009) before it is buffered; text is JSON, never audio.
    message_bytes: int
    text_bytes: int = 65_536
    fragments_max: int = 4096
    ping_seconds: float
    pong_seconds: float
    send_seconds: float
    close_seconds: float
    # A plain ASGI application gets this long to end after its peer did.
    abandon_seconds: float = 10

    # Unacknowledged data: with the ping after 10 s, a half-open peer is gone by 25 s even while
    # nobody reads from it.
    tcp_user_timeout_ms: int = 15_000
    # Of the kernel, per direction (it doubles them). 64 KiB is two seconds of 16 kHz linear16;
    # left to itself Linux lets a client that reads nothing pile up megabytes of results.
    socket_buffer_bytes: int = 65_536
    # What requests in flight get when the daemon drains.
    drain_seconds: float
