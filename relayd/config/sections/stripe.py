"""`[stripe]`: its keys."""

from collections.abc import Iterable

import attrs

from relayd.config import sales_forms as forms
from relayd.config.keys import about
from relayd.config.secret import Secret, as_secret

__all__ = ["Stripe"]


def _as_secrets(values: Iterable[str | Secret]) -> tuple[Secret, ...]:
    return tuple(as_secret(one) for one in values)


@attrs.frozen(kw_only=True)
class Stripe:
    """Selling credit through Stripe Checkout. Sales are on where there is a key."""

    api_key: Secret = attrs.field(
        default=Secret(""),
        converter=as_secret,
        metadata=about(
            "The secret key, or better a restricted one that may write Checkout Sessions and "
            "Customers and read Charges, Refunds and Disputes. Empty: nothing is for sale.",
            unit="text",
            form=forms.stripe_key,
        ),
    )
    webhook_secrets: tuple[Secret, ...] = attrs.field(
        default=(),
        converter=_as_secrets,
        metadata=about(
            "The signing secret of the webhook endpoint, whsec_…; two of them while you replace "
            "one. Needed beside api_key.",
            unit="texts",
            form=forms.webhook_secret,
        ),
    )
    api_url: str = attrs.field(
        default="https://api.stripe.com",
        metadata=about(
            "Where Stripe's API is. http:// only to loopback, for tests.",
            unit="URL",
            form=forms.api_url,
        ),
    )
    request_seconds: float = attrs.field(
        default=10,
        metadata=about(
            "One request to Stripe must be answered by then; it is repeated twice.",
            unit="seconds",
            least=0.1,
            most=80,
        ),
    )
    reconcile_seconds: float = attrs.field(
        # What a lost message was about is credited within five minutes. Who pays just after the
        # list was read waits for the rest of that comparison, this pause, and the next one:
        # half a minute for each is plenty, it is seconds where Stripe answers at its usual pace.
        default=240,
        metadata=about(
            "How often purchases, refunds and disputes are compared with Stripe's own lists, "
            "because a message of theirs can get lost. The comparison's own time comes on top.",
            unit="seconds",
            least=1,
            most=86_400,
        ),
    )

    @property
    def sales(self) -> bool:
        """Whether credit is for sale."""
        return bool(self.api_key)

    @property
    def live(self) -> bool | None:
        """Whether the key is of live mode, as far as it says: sk_live_…, rk_test_…."""
        kind, _, rest = self.api_key.reveal().partition("_")
        mode, separator, _ = rest.partition("_")
        return {"live": True, "test": False}.get(mode) if kind and separator else None
