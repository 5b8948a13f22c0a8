"""`[auth]`: its keys."""

import attrs

from relayd.config import forms
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
        default=10_080,
        metadata=about(
            "Life of an app's access token (7 days): apps that keep one for long go on working. It "
            "can be called back all the same, and never outlives its sign-in. Pages of this server "
            "have tokens of 15 minutes.",
            unit="minutes",
            least=1,
            most=129_600,
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
    sign_in_days: int = attrs.field(
        default=180,
        metadata=about(
            "An app must sign in again after this long, however often it was used.",
            unit="days",
            least=1,
            most=3650,
        ),
    )
    page_sign_in_days: int = attrs.field(
        default=30,
        metadata=about(
            "So must a browser on the pages of this server.",
            unit="days",
            least=1,
            most=3650,
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
    refused_domains: tuple[str, ...] = attrs.field(
        default=(),
        converter=tuple,
        metadata=about(
            "Addresses in these domains, or below them, can't be registered: those of mail that "
            "is thrown away, for example. `relayd user add` takes them all the same.",
            unit="domains",
            form=forms.domain,
        ),
    )
    operator_second_factor: bool = attrs.field(
        default=False,
        metadata=about(
            "Whoever moves money by hand, by `relayd credit` or with a key of the scope admin, "
            "names an operator's account of their own and shows a code of its second factor; "
            "`relayd user operator` makes operators.",
            unit="true or false",
        ),
    )
    free_seconds: int = attrs.field(
        default=0,
        metadata=about(
            "Credit that a new user begins with, once for an address; with [mail] on, as soon as "
            "the address is proven. Without it anybody can make up addresses.",
            unit="seconds of audio",
            least=0,
            most=86_400,
        ),
    )
