"""`[database]`: its keys."""

from pathlib import Path

import attrs

from relayd.config import forms
from relayd.config.keys import about
from relayd.config.secret import Secret, as_secret

__all__ = ["Database"]


@attrs.frozen(kw_only=True)
class Database:
    """PostgreSQL, and how long to wait for it."""

    url: Secret = attrs.field(
        default=Secret("embedded"),
        converter=as_secret,
        metadata=about(
            '"embedded" runs a private PostgreSQL in data_directory, good to try relayd and for '
            'one machine; else "postgresql://user:password@host/name" (PostgreSQL 14 or later).',
            unit="URL",
            form=forms.database_url,
        ),
    )
    data_directory: Path = attrs.field(
        default=Path("relayd-data"),
        metadata=about(
            "Where the embedded database keeps its files, private to the user that runs relayd.",
            unit="path",
        ),
    )
    pool_size: int = attrs.field(
        default=8,
        metadata=about(
            "Connections of all processes together (two each at least), and threads that use "
            "them. More than eight only added latency when measured.",
            unit="connections",
            least=1,
            most=64,
        ),
    )
    connect_seconds: int = attrs.field(
        default=5,
        metadata=about(
            "A connection must be up by then (libpq counts in whole seconds, at least two).",
            unit="seconds",
            least=2,
            most=60,
        ),
    )
    statement_seconds: float = attrs.field(
        default=5,
        metadata=about(
            "One statement may take this long; a thread can't be interrupted, so the server must "
            "do it.",
            unit="seconds",
            least=0.1,
            most=300,
        ),
    )
    lock_seconds: float = attrs.field(
        default=3,
        metadata=about(
            "Waiting for another transaction's row, below statement_seconds so that the log tells "
            "the two apart.",
            unit="seconds",
            least=0.1,
            most=300,
        ),
    )
    pool_seconds: float = attrs.field(
        default=5,
        metadata=about(
            "Waiting for a free connection of the pool.",
            unit="seconds",
            least=0.1,
            most=60,
        ),
    )

    @property
    def embedded(self) -> bool:
        """Whether relayd runs PostgreSQL itself."""
        return self.url.reveal() == "embedded"
