"""`[limits]`: its keys."""

import attrs

from relayd.config.keys import about

__all__ = ["Limits"]


@attrs.frozen(kw_only=True)
class Limits:
    """What one stream may take, in time and in memory."""

    streams_per_user: int = attrs.field(
        default=2,
        metadata=about(
            "Live streams at once of one account, over all daemons.",
            unit="streams",
            least=1,
            most=1000,
        ),
    )
    opens_per_minute: int = attrs.field(
        default=30,
        metadata=about(
            "Streams that one account may open in a minute: each takes an engine's connection and "
            "two rows, also one that says nothing.",
            unit="streams a minute",
            least=1,
            most=100_000,
        ),
    )
    requests_per_user: int = attrs.field(
        default=300,
        metadata=about(
            "Requests of one account in a minute, from wherever it is signed in.",
            unit="requests a minute",
            least=10,
            most=100_000,
        ),
    )
    auth_seconds: float = attrs.field(
        default=5,
        metadata=about(
            "The first message, with the token, must come by then.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )
    idle_seconds: float = attrs.field(
        default=60,
        metadata=about(
            "A stream with neither audio nor a keepalive ends; it would hold an engine's slot.",
            unit="seconds",
            least=0.1,
            most=3600,
        ),
    )
    audioless_seconds: float = attrs.field(
        default=600,
        metadata=about(
            "So does one without audio, after this long, however many keepalives come.",
            unit="seconds",
            least=0.1,
            most=86_400,
        ),
    )
    session_seconds: float = attrs.field(
        default=43_200,
        metadata=about(
            "The longest stream (twelve hours): ends one that was forgotten.",
            unit="seconds",
            least=1,
            most=86_400,
        ),
    )
    message_bytes: int = attrs.field(
        default=262_144,
        metadata=about(
            "The largest message of a client (256 KiB is 8 s of 16 kHz audio, and what one socket "
            "may make the server keep); a larger one is refused before it is read.",
            unit="bytes",
            least=4096,
            most=16_777_216,
        ),
    )
    send_seconds: float = attrs.field(
        default=5,
        metadata=about(
            "A client must take a result by then, or it is cut as slow_client.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )
    outbox_messages: int = attrs.field(
        default=64,
        metadata=about(
            "Results that may wait for a client: a quarter of a minute at four a second, about "
            "512 KiB at worst. More is slow_client.",
            unit="messages",
            least=8,
            most=10_000,
        ),
    )
    finish_seconds: float = attrs.field(
        default=3,
        metadata=about(
            "The engine's last words must come by then once the audio has ended.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )
    settle_seconds: float = attrs.field(
        default=5,
        metadata=about(
            "For writing a session's end to the ledger; after that it is tried again without "
            "keeping the client waiting.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )
    close_seconds: float = attrs.field(
        default=2,
        metadata=about(
            "For the closing handshake with a client; then the socket is cut.",
            unit="seconds",
            least=0.1,
            most=30,
        ),
    )
    resume_seconds: float = attrs.field(
        default=15,
        metadata=about(
            "How long a stream goes on without its app when the connection breaks, where the app "
            "can come back: it keeps its place and its hold meanwhile. 0: not at all.",
            unit="seconds",
            least=0,
            most=300,
        ),
    )
    ping_seconds: float = attrs.field(
        default=10,
        metadata=about(
            "How often the server pings; keeps proxies and NAT from dropping a quiet stream.",
            unit="seconds",
            least=0.1,
            most=300,
        ),
    )
    pong_seconds: float = attrs.field(
        default=10,
        metadata=about(
            "The answer must come by then. With ping_seconds this is how long a vanished client "
            "can go unnoticed.",
            unit="seconds",
            least=0.1,
            most=300,
        ),
    )
