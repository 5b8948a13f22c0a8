"""What is for sale: models, in some languages each, at a price."""

from collections.abc import Sequence
from typing import Final

import attrs

from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.tariff import Tariff

__all__ = ["Offer", "priced"]

# Deepgram's word for several languages in one stream, and what it hears where none is named.
_SEVERAL: Final = "multi"
_LANGUAGE: Final = "en"


@attrs.frozen
class Offer:
    """A model that clients may ask for, in some languages, and its price."""

    model: str
    # Language ranges (RFC 4647, basic filtering): "en" has en-US in it, "*" all but "multi".
    languages: tuple[str, ...]
    tariff: Tariff

    def speaks(self, language: str) -> bool:
        """Whether a language tag is in one of the ranges."""
        asked = language.lower()
        return any(_holds(one.lower(), asked) for one in self.languages)


def priced(plan: StreamPlan, offers: Sequence[Offer]) -> StreamPlan | ConfigRefusal:
    """The plan at the price of the first offer that has its model in its language."""
    of_model = [offer for offer in offers if offer.model == plan.model]
    if not of_model:
        names = " or ".join(dict.fromkeys(offer.model for offer in offers))
        return ConfigRefusal(
            "model", f"model {plan.model} is not offered by this server: ask for {names}"
        )
    language = plan.options.get("language", (_LANGUAGE,))[0]
    offer = next((offer for offer in of_model if offer.speaks(language)), None)
    if offer is None:
        ranges = " or ".join(dict.fromkeys(one for each in of_model for one in each.languages))
        return ConfigRefusal(
            "language",
            f"language {language} is not offered with {plan.model} by this server: ask for "
            + ranges.replace("*", "a single language"),
        )
    return attrs.evolve(plan, tariff=offer.tariff)


def _holds(offered: str, asked: str) -> bool:
    if offered == asked:
        return True
    return asked != _SEVERAL and (offered == "*" or asked.startswith(f"{offered}-"))
