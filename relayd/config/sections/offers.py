"""`[[engines.deepgram.models]]`: what apps may ask for, and at what price."""

from decimal import Decimal

import attrs

from relayd.config import forms
from relayd.config.keys import about
from relayd.config.values import as_decimal

__all__ = ["ANY_LANGUAGE", "DEFAULT_MODELS", "Model"]

# Each language by itself; several at a time, which costs more, have to be named.
ANY_LANGUAGE = "*"


@attrs.frozen(kw_only=True)
class Model:
    """One model in some languages, and its rate."""

    name: str = attrs.field(
        metadata=about(
            "As the engine calls it and apps ask for it.",
            unit="name",
            form=forms.model_name,
        )
    )
    languages: tuple[str, ...] = attrs.field(
        default=(ANY_LANGUAGE,),
        metadata=about(
            'Apps may ask for these: "en" stands for en-US and its like too, "*" for every '
            'language but "multi", which Deepgram charges more for.',
            unit="BCP-47 tags",
            form=forms.language,
        ),
    )
    rate: int = attrs.field(
        default=1000,
        metadata=about(
            "The credit that a second of audio costs: 1000 sells a second for a second, 1500 takes "
            "half as much again. Charged to the millisecond of the session's whole audio.",
            unit="milliseconds of credit",
            least=1,
            most=10_000,
        ),
    )
    cents_per_minute: Decimal | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(as_decimal),
        metadata=about(
            "What the engine charges you for it; without it, costs.engine_cents_per_minute.",
            unit="cents a minute",
            least=0,
            most=1000,
        ),
    )

    def __str__(self) -> str:
        """For people, beside a sum."""
        named = () if self.languages == (ANY_LANGUAGE,) else self.languages
        return " ".join((self.name, *named))


# The prices are Deepgram's for streams, pay as you go, as of 2026.
DEFAULT_MODELS = (
    Model(name="nova-3"),
    Model(name="nova-3", languages=("multi",), rate=1200, cents_per_minute=Decimal("0.92")),
    Model(name="nova-2"),
)
