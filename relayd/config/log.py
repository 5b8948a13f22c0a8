"""`[log]`: its keys."""

import attrs

from relayd.config.keys import about

__all__ = ["Log"]


@attrs.frozen(kw_only=True)
class Log:
    """What is written to standard output."""

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
