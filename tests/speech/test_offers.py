"""What is for sale: which models and languages may be asked for, and at what price."""

from typing import Any

import pytest

from relayd.speech import options
from relayd.speech.offers import Offer
from relayd.speech.options import StreamPolicy
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.tariff import EVEN, Tariff

POLICY = StreamPolicy(
    model="small",
    language="en",
    offers=(
        Offer("small", ("en", "de-CH"), EVEN),
        Offer("large", ("*",), Tariff(1500)),
        Offer("large", ("multi",), Tariff(2000)),
    ),
)


def parsed(**config: Any) -> StreamPlan | ConfigRefusal:
    """What becomes of a client's config."""
    return options.parse(config, POLICY)


@pytest.mark.parametrize(
    ("config", "rate"),
    [
        ({}, 1000),
        ({"language": "en-US"}, 1000),
        ({"language": "EN-us"}, 1000),
        ({"language": "de-CH"}, 1000),
        ({"model": "large"}, 1500),
        ({"model": "large", "language": "sq"}, 1500),
        ({"model": "large", "language": "multi"}, 2000),
    ],
)
def test_what_is_offered_has_its_price(config: dict[str, str], rate: int) -> None:
    """The first offer that has the model in the language; a range has its regions in it."""
    plan = parsed(**config)

    assert isinstance(plan, StreamPlan)
    assert plan.tariff == Tariff(rate)


@pytest.mark.parametrize(
    ("config", "key", "remedy"),
    [
        ({"model": "enhanced"}, "model", "ask for small or large"),
        ({"model": "Large"}, "model", "ask for small or large"),
        ({"language": "fr"}, "language", "ask for en or de-CH"),
        ({"language": "de"}, "language", "ask for en or de-CH"),
        ({"language": "eng"}, "language", "ask for en or de-CH"),
        ({"language": "multi"}, "language", "ask for en or de-CH"),
    ],
)
def test_what_is_not_offered_is_refused(config: dict[str, str], key: str, remedy: str) -> None:
    """By the key that it is about, and with what may be asked for; nothing is guessed."""
    refusal = parsed(**config)

    assert isinstance(refusal, ConfigRefusal)
    assert refusal.key == key
    assert refusal.message.endswith(remedy)


def test_several_languages_have_to_be_named() -> None:
    """Every single language is not several at a time, which cost more."""
    every = StreamPolicy(model="m", offers=(Offer("m", ("*",), EVEN),))

    refusal = options.parse({"language": "multi"}, every)

    assert isinstance(refusal, ConfigRefusal)
    assert refusal.message.endswith("ask for a single language")


def test_who_names_no_language_is_heard_in_english() -> None:
    """Where neither the client nor the operator names one, the engine's own default is priced."""
    english = StreamPolicy(model="m", offers=(Offer("m", ("de",), EVEN),))

    refusal = options.parse({}, english)

    assert isinstance(refusal, ConfigRefusal)
    assert refusal.key == "language"
