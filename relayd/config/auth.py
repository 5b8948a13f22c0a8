"""`[auth]`: its keys."""

import attrs

from relayd.config.keys import about
from relayd.config.secret import Secret, as_secret

__all__ = ["Auth"]


@attrs.frozen(kw_only=True)
class Auth:
    """Accounts: tokens, passwords, and how often somebody may try."""

    secret: Secret = attrs.field(
        converter=as_secret,
        metadata=about(
            "Signs access tokens; `relayd init` makes one. Changing it signs everybody out until "
            "their app refreshes.",
            unit="text of 32 bytes or more",
            least_bytes=32,
        ),
    )
    pepper: Secret = attrs.field(
        converter=as_secret,
        metadata=about(
            "Mixed into every password hash, so that a stolen database alone is no use. Never "
            "change or lose it: no password would match any more. Back it up apart from the "
            "database.",
            unit="text of 32 bytes or more",
            least_bytes=32,
        ),
    )
    access_minutes: int = attrs.field(
        default=15,
        metadata=about(
            "Life of an access token: short, because it can't be called back.",
            unit="minutes",
            least=1,
            most=1440,
        ),
    )
    refresh_days: int = attrs.field(
        default=30,
        metadata=about(
            "An app that was not used for this long must sign in again.",
            unit="days",
            least=1,
            most=365,
        ),
    )
    requests_per_minute: int = attrs.field(
        default=10,
        metadata=about(
            "Tries at /auth/ from one address, against guessing of passwords.",
            unit="requests a minute",
            least=1,
            most=10_000,
        ),
    )
