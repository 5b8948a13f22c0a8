"""What a client may ask of the engine, and how results become events."""

from typing import Any

import attrs
import pytest

from relayd.engines.local.engine import LocalEngine, _event, _listening
from relayd.engines.local.recogniser import Listening
from relayd.engines.sphinx import SPHINX
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.tariff import Tariff
from relayd.speech.words import SpeechStarted, UtteranceEnd

# Planning is pure: it must not touch the pool.
ENGINE = LocalEngine(SPHINX, None)  # type: ignore[arg-type]


def planned(config: dict[str, Any]) -> StreamPlan:
    """The plan of a config that must be allowed."""
    plan = ENGINE.plan(config)
    assert isinstance(plan, StreamPlan), plan
    return plan


def test_audio_costs_what_the_operator_set() -> None:
    """A model on this machine has its rate too."""
    plan = attrs.evolve(ENGINE, tariff=Tariff(250)).plan({})

    assert isinstance(plan, StreamPlan)
    assert plan.tariff.rate == 250


def test_apps_that_name_another_model_get_ours() -> None:
    """The plan tells the model that really answers, and the app hears of the difference."""
    plan = planned({"model": "nova-2", "smart_format": True, "punctuate": True})
    assert plan.model == "en-us"
    assert plan.remarks == ("model nova-2 is not on this server: en-us answers instead.",)


@pytest.mark.parametrize("config", [{}, {"model": "en-us"}])
def test_nothing_is_remarked_where_the_model_is_ours(config: dict[str, str]) -> None:
    """Whoever names no model, or the right one, is left alone."""
    assert planned(config).remarks == ()


@pytest.mark.parametrize("language", ["en", "en-US", "EN-gb"])
def test_english_is_understood(language: str) -> None:
    """Any English will do."""
    planned({"language": language})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("language", "de"),
        ("language", "multi"),
        ("language", "enm"),
        ("multichannel", True),
        ("replace", "a:b"),
        ("search", "word"),
        ("profanity_filter", True),
        ("diarize", True),
        ("callback", "https://example.org"),
    ],
)
def test_what_would_change_the_result_unnoticed_is_refused_by_name(key: str, value: Any) -> None:
    """The refusal names the key, for the machine and for the reader."""
    refusal = ENGINE.plan({key: value})

    assert isinstance(refusal, ConfigRefusal)
    assert refusal.key == key
    assert key in refusal.message


@pytest.mark.parametrize(
    ("config", "listening"),
    [
        ({}, Listening(interim_results=False)),
        ({"endpointing": False}, Listening(interim_results=False, endpointing=False)),
        ({"endpointing": True}, Listening(interim_results=False)),
        (
            {"interim_results": True, "endpointing": 500, "utterance_end_ms": 1000}
            | {"vad_events": True},
            Listening(endpointing_ms=500, vad_events=True, utterance_end_ms=1000),
        ),
    ],
)
def test_options_reach_the_recogniser(config: dict[str, Any], listening: Listening) -> None:
    """What the client asked for is what the process is told."""
    assert Listening(**_listening(planned(config))) == listening


def test_results_become_the_sessions_events() -> None:
    """Voice activity and ends of utterances too."""
    assert _event({"speech_started": 1.5}) == SpeechStarted(1.5)
    assert _event({"utterance_end": 2.5}) == UtteranceEnd(2.5)
