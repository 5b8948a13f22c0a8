"""What recordings may be transcribed with: by configuration, by name, by what is asked."""

from pathlib import Path

import attrs
import pytest

from relayd.config import Auth, Config, OpenAiServer, RecordingModel, Secret
from relayd.engines.files import FileCandidate, offered, open_file_engines, rates
from relayd.errors import ConfigError
from relayd.speech.files import FileRequest
from relayd.speech.plan import ConfigRefusal
from tests.config.files import SECRETS

REQUEST = FileRequest("")


def configured() -> Config:
    """The defaults."""
    secret, pepper = (Secret(one) for one in SECRETS.values())
    return Config(auth=Auth(secret=secret, pepper=pepper))


def with_models(*models: RecordingModel) -> Config:
    """A configuration with a server, a Deepgram key and these models."""
    plain = configured()
    engines = attrs.evolve(
        plain.engines,
        deepgram=attrs.evolve(plain.engines.deepgram, api_key=Secret("dg-1")),
        openai_compatible=attrs.evolve(
            plain.engines.openai_compatible, url="https://engine.example/v1", models=("a", "b")
        ),
    )
    return attrs.evolve(plain, engines=engines, models=models)


BOTH = RecordingModel(name="Best", engines=("openai_compatible:a", "deepgram:nova-3"), rate=1500)


async def test_names_are_found_in_any_case() -> None:
    """With their rate, and their engines in the operator's order, each with its own name."""
    async with open_file_engines(with_models(BOTH)) as engines:
        found = engines.find("bEST")
        assert found is engines.default
        assert found is not None
        assert found.rate == 1500
        able = engines.candidates("best", attrs.evolve(REQUEST, language="de"))
    assert isinstance(able, list)
    assert [(one.engine.name, one.request) for one in able] == [
        ("openai_compatible", FileRequest("a", "de")),
        ("deepgram", FileRequest("nova-3", "de")),
    ]


async def test_several_servers() -> None:
    """Each is an engine by its name, with models of its own, tried in the operator's order."""
    plain = with_models(
        RecordingModel(name="Whisper", engines=("groq:large", "house:large", "openai_compatible:a"))
    )
    servers = tuple(
        OpenAiServer(name=name, url=f"https://{name}.example/v1", models=("large",))
        for name in ("groq", "house")
    )
    engines = attrs.evolve(plain.engines, openai_servers=servers)
    named = attrs.evolve(plain, engines=engines)
    async with open_file_engines(named) as opened:
        able = opened.candidates("whisper", REQUEST)
    assert isinstance(able, list)
    assert [(one.engine.name, one.request.model) for one in able] == [
        ("groq", "large"),
        ("house", "large"),
        ("openai_compatible", "a"),
    ]
    # Without a list of models, each server's are told apart.
    each = [one.name for one in offered(attrs.evolve(named, models=()))]
    assert {"groq/large", "house/large", "a"} <= set(each)


def test_each_model_has_its_rate() -> None:
    """By its name in any case; a second for a second for what is no longer offered."""
    rate_of = rates(with_models(BOTH))

    assert [rate_of(name) for name in ("Best", "BEST", "gone")] == [1500, 1500, 1000]


async def test_only_those_who_can_are_asked() -> None:
    """An engine that can't tell channels apart is passed over where that is asked."""
    async with open_file_engines(with_models(BOTH)) as engines:
        able = engines.candidates("best", attrs.evolve(REQUEST, channels=True))
        assert isinstance(able, list)
        assert [one.engine.name for one in able] == ["deepgram"]
        assert isinstance(able[0], FileCandidate)
        # Which costs extra, so Deepgram may not either.
        refused = engines.candidates("best", attrs.evolve(REQUEST, diarise=True))
    assert isinstance(refused, ConfigRefusal)
    assert refused.key == "diarise"


async def test_a_test_is_pretended() -> None:
    """Whatever the model and its engines, and whether they could."""
    async with open_file_engines(with_models(BOTH)) as engines:
        able = engines.candidates("best", attrs.evolve(REQUEST, diarise=True), test=True)
    assert isinstance(able, list)
    assert [one.engine.name for one in able] == ["pretend"]


async def test_what_is_not_offered_is_refused() -> None:
    """With what is."""
    async with open_file_engines(with_models(BOTH)) as engines:
        refused = engines.candidates("nova-3", REQUEST)
    assert refused == ConfigRefusal("model", "model nova-3 is not offered: ask for Best")


async def test_an_engine_that_is_not_set_up_is_passed_over() -> None:
    """And where none is left, the model isn't there now."""
    lonely = RecordingModel(name="x", engines=("deepgram:nova-3",))
    plain = attrs.evolve(configured(), models=(lonely,))
    async with open_file_engines(plain) as engines:
        refused = engines.candidates("x", REQUEST)
    assert refused == ConfigRefusal("model", "model x is not available now")


def test_without_a_list_everything_is_offered(tmp_path: Path) -> None:
    """Every model of every engine that is set up, and words for tests at last."""
    names = [one.name for one in offered(with_models())]
    assert names[:3] == ["nova-3", "a", "b"]
    assert names[-1] == "pretend"


def test_one_name_is_one_model() -> None:
    """In whatever case it is written."""
    other = RecordingModel(name="BEST", engines=("pretend:pretend",))
    with pytest.raises(ConfigError, match=r"models\[1\]\.name: is the name of another"):
        offered(with_models(BOTH, other))
