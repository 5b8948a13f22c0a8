"""`[seller]`: its keys."""

import attrs

from relayd.config import sales_forms as forms
from relayd.config.keys import about

__all__ = ["Seller"]


@attrs.frozen(kw_only=True)
class Seller:
    """Who sells, under what terms, and whom users may ask. What is empty is not shown."""

    name: str = attrs.field(
        default="",
        metadata=about(
            "Who sells the minutes, as buyers may know them: a company or a person.",
            unit="text",
            form=forms.optional_label,
        ),
    )
    contact: str = attrs.field(
        default="",
        metadata=about(
            "Whom users ask about a payment or a forgotten password.",
            unit="email address or URL",
            form=forms.contact,
        ),
    )
    terms_url: str = attrs.field(
        default="",
        metadata=about("The terms of sale and use.", unit="URL", form=forms.page),
    )
    privacy_url: str = attrs.field(
        default="",
        metadata=about(
            "The privacy notice. Say in it which engine hears the audio; relayd keeps no words.",
            unit="URL",
            form=forms.page,
        ),
    )
