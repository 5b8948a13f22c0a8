"""`[log]`: its keys."""

import attrs

from relayd.config.keys import about

__all__ = ["Log"]


@attrs.frozen(kw_only=True)
class Log:
    """What is written, and how long it is kept where sessions came from."""

    level: str = attrs.field(
        default="info",
        metadata=about(
            "error means that a human should look; info has one line for every session's end.",
            unit="name",
            choices=("debug", "info", "warning", "error"),
        ),
    )
    format: str = attrs.field(
        default="text",
        metadata=about(
            '"text" is readable and logfmt; "json" is one object a line, for a log collector.',
            unit="name",
            choices=("text", "json"),
        ),
    )
    address_days: int = attrs.field(
        default=30,
        metadata=about(
            "The database keeps the client's address of a session for so long after its end, and "
            "then forgets it. How long lines of the log are kept is for journald to say, or for "
            "whoever collects them.",
            unit="days",
            least=0,
            most=3650,
        ),
    )
