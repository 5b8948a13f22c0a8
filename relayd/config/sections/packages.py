"""`[[packages]]`: what is for sale."""

import attrs

from relayd.config import sales_forms as forms
from relayd.config.keys import about

__all__ = ["DEFAULT_PACKAGES", "Package"]


@attrs.frozen(kw_only=True)
class Package:
    """So much credit for so much money."""

    id: str = attrs.field(
        metadata=about(
            "Its name for programs; a purchase remembers it, so don't use one again for something "
            "else.",
            unit="small letters, digits and _",
            form=forms.package_id,
        )
    )
    label: str = attrs.field(
        metadata=about("Its name for people, also on Stripe's page.", unit="text", form=forms.label)
    )
    seconds: int = attrs.field(
        metadata=about(
            "The credit that is sold.", unit="seconds of audio", least=1, most=10 * 365 * 86_400
        )
    )
    price_cents: int = attrs.field(
        metadata=about(
            "The whole price in the currency's smallest unit, as Stripe counts.",
            unit="cents",
            least=1,
            most=99_999_999,
        )
    )
    currency: str = attrs.field(
        default="usd",
        metadata=about(
            "One for all packages, and that of [costs].",
            unit="ISO 4217 code in small letters",
            form=forms.currency,
        ),
    )


DEFAULT_PACKAGES = (
    Package(id="pack_500", label="500 minutes", seconds=500 * 60, price_cents=599),
    Package(id="pack_1200", label="1,200 minutes", seconds=1200 * 60, price_cents=1299),
    Package(id="pack_3000", label="3,000 minutes", seconds=3000 * 60, price_cents=2999),
)
