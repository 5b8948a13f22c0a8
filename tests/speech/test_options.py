"""The whitelist of client options."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.engines.deepgram.messages import query
from relayd.speech import options
from relayd.speech.formats import AudioFormat
from relayd.speech.options import PAID_OPTIONS, StreamPolicy
from relayd.speech.plan import ConfigRefusal, StreamPlan

POLICY = StreamPolicy(model="nova-3")
GENEROUS = StreamPolicy(model="nova-3", paid_features=PAID_OPTIONS)


def accepted(config: dict[str, Any], policy: StreamPolicy = POLICY) -> StreamPlan:
    """The plan of a config that must be allowed."""
    found = options.parse(config, policy)
    assert isinstance(found, StreamPlan), found
    return found


def refused(config: Any, policy: StreamPolicy = POLICY) -> ConfigRefusal:
    """The refusal of a config that must not be."""
    found = options.parse(config, policy)
    assert isinstance(found, ConfigRefusal), found
    return found


def test_an_empty_config_is_linear16_at_16_khz_mono_with_the_operators_model() -> None:
    """The protocol's defaults hold where a client says nothing."""
    assert accepted({}) == StreamPlan(AudioFormat(), "nova-3", interim_results=False)


def test_the_config_of_apps_in_the_field_is_taken() -> None:
    """The auth message of the protocol's example is allowed as it stands."""
    plan = accepted(
        {"model": "nova-2", "language": "en-US", "interim_results": True, "endpointing": 300}
    )
    assert plan.model == "nova-2"
    assert plan.interim_results
    assert plan.options == {"language": ("en-US",), "endpointing": ("300",)}


def test_the_operators_language_is_only_a_default() -> None:
    """What the client asks for wins over the operator's default language."""
    german = StreamPolicy(model="nova-3", language="de")
    assert accepted({}, german).options == {"language": ("de",)}
    assert accepted({"language": "fr"}, german).options == {"language": ("fr",)}


@pytest.mark.parametrize(
    ("key", "value", "values"),
    [
        ("punctuate", True, ("true",)),
        ("punctuate", "true", ("true",)),
        ("punctuate", "False", ("false",)),
        ("endpointing", 300, ("300",)),
        ("endpointing", "300", ("300",)),
        ("endpointing", False, ("false",)),
        ("endpointing", "false", ("false",)),
        ("endpointing", 0, ("0",)),
        ("search", "one", ("one",)),
        ("search", ["one", "two"], ("one", "two")),
        ("replace", "this:that", ("this:that",)),
        ("keywords", ["snuffle:5"], ("snuffle:5",)),
        ("language", "multi", ("multi",)),
        ("language", "zh-Hans-CN", ("zh-Hans-CN",)),
        ("version", "latest", ("latest",)),
        ("search", ["naïve 東京"], ("naïve 東京",)),
    ],
)
def test_a_value_is_taken_in_the_forms_clients_send(
    key: str, value: object, values: tuple[str, ...]
) -> None:
    """Numbers and booleans may be strings, a repeatable option one string or a list."""
    assert accepted({key: value}).options == {key: values}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("punctuate", 1),
        ("punctuate", "yes"),
        ("punctuate", []),
        ("punctuate", {"a": 1}),
        ("endpointing", -1),
        ("endpointing", 10_001),
        ("endpointing", 300.0),
        ("endpointing", float("nan")),
        ("endpointing", float("inf")),
        ("endpointing", 10**400),
        ("endpointing", "9" * 5000),
        ("endpointing", "٣٠٠"),
        ("endpointing", "300 "),
        ("channels", True),
        ("channels", 0),
        ("channels", 21),
        ("sample_rate", 7999),
        ("sample_rate", 96_001),
        ("encoding", "opus"),
        ("encoding", "LINEAR16"),
        ("encoding", ["linear16"]),
        ("model", ""),
        ("model", "nova 3"),
        ("model", "nova-3&callback=https://example.org"),
        ("model", "x" * 65),
        ("model", 3),
        ("language", "en_US"),
        ("language", "e"),
        ("search", [""]),
        ("search", ["x"] * 51),
        ("search", ["x" * 101]),
        ("search", [["x"]]),
        ("search", ["a\nb"]),
        ("search", ["\ud800"]),
        ("search", {"a": "b"}),
    ],
)
def test_a_wrong_value_is_refused_by_name(key: str, value: object) -> None:
    """A value of the wrong type or out of range is refused, and the message names the key."""
    refusal = refused({key: value})
    assert refusal.key == key
    assert refusal.message.startswith(f"{key} must be ")


@pytest.mark.parametrize(
    "key", ["callback", "callback_method", "tag", "extra", "summarize", "topics", "detect_language"]
)
def test_what_is_never_allowed_is_refused_with_its_reason(key: str) -> None:
    """Options that send results elsewhere, touch the account or need a file are refused."""
    refusal = refused({key: True}, GENEROUS)
    assert refusal.key == key
    assert refusal.message.startswith(f"{key} is not a")


@pytest.mark.parametrize(
    ("key", "value", "values"),
    [
        ("diarize", True, ("true",)),
        ("diarize_model", "v1", ("v1",)),
        ("detect_entities", "true", ("true",)),
        ("redact", ["pci", "ssn"], ("pci", "ssn")),
        ("keyterm", "customer service", ("customer service",)),
        ("mip_opt_out", "true", ("true",)),
    ],
)
def test_what_costs_extra_needs_the_operators_leave(
    key: str, value: object, values: tuple[str, ...]
) -> None:
    """A paid option goes upstream only where the operator lists it."""
    assert refused({key: value}).message == f"{key} is not offered by this server"
    assert accepted({key: value}, GENEROUS).options == {key: values}


def test_switching_a_paid_option_off_is_always_allowed() -> None:
    """Asking for the default costs nothing."""
    plan = accepted({"diarize": False, "redact": "false", "keyterm": [], "detect_entities": None})
    assert plan.options == {}


def test_null_is_the_same_as_leaving_a_key_out() -> None:
    """Apps that serialise every field send null for those nobody set."""
    assert accepted({"model": None, "callback": None, "endpointing": None}) == accepted({})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mip_opt_out", False),
        ("mip_opt_out", "false"),
        ("callback", ""),
        ("tag", []),
        ("extra", {}),
        ("detect_language", False),
        ("summarize", "False"),
        ("alternatives", 1),
        ("utterances", False),
    ],
)
def test_an_option_is_refused_by_its_value(key: str, value: object) -> None:
    """Switched off, or left at its default, a forbidden option asks for nothing."""
    assert accepted({key: value}) == accepted({})


def test_alternatives_beside_the_default_are_refused() -> None:
    """There is one transcript for each result."""
    assert refused({"alternatives": 2}).key == "alternatives"


def test_an_unknown_key_is_left_out_with_a_remark() -> None:
    """A typing mistake ends nothing, and is not silently dropped either."""
    plan = accepted({"interimResults": True, "frobnicate": None, "punctuate": True})

    assert plan.options == {"punctuate": ("true",)}
    assert plan.remarks == (
        "interimResults (did you mean interim_results?), frobnicate: not known, and ignored.",
    )


def test_what_only_files_have_is_left_out_with_a_remark() -> None:
    """Options that shape the transcript of a file do nothing to live audio, and cost nothing."""
    plan = accepted({"utterances": True, "paragraphs": "true"})

    assert plan.options == {}
    assert plan.remarks == ("utterances, paragraphs: without effect on live audio, and ignored.",)


def test_a_remark_is_short_whatever_the_keys() -> None:
    """Thousands of names, long ones and unreadable ones fit one message that can be sent."""
    keys = {"\ud800": 1, "\x00\n": 1, "k" * 100_000: 1, **{f"n{n}": 1 for n in range(5000)}}

    (remark,) = accepted(keys).remarks

    assert len(remark.encode()) < 300
    assert "and 4998 more" in remark


def test_utterance_end_needs_interim_results() -> None:
    """Deepgram finds the end of an utterance by its interim results."""
    assert refused({"utterance_end_ms": 1000}).key == "utterance_end_ms"
    plan = accepted({"utterance_end_ms": "1000", "interim_results": "true"})
    assert plan.options == {"utterance_end_ms": ("1000",)}


def test_another_encoding_needs_its_sample_rate() -> None:
    """The default rate belongs to the default encoding; a guess would bill wrongly."""
    assert refused({"encoding": "mulaw"}).key == "sample_rate"
    plan = accepted({"encoding": "mulaw", "sample_rate": 8000})
    assert plan.format == AudioFormat("mulaw", 8000)
    assert accepted({"sample_rate": 48_000}).format == AudioFormat(sample_rate=48_000)


def test_multichannel_is_metered_by_channel() -> None:
    """The plan's format says how many times a second is billed."""
    plan = accepted({"channels": 2, "multichannel": True})
    assert plan.format.billed_channels == 2


def test_phrases_that_burst_the_request_line_are_refused() -> None:
    """The lists are bounded together, too, in the bytes they take in a URL."""
    assert refused({"search": ["京" * 100] * 5}).message.startswith("search is too long")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.text(st.characters(categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted(options._KNOWN) + sorted(options._REFUSED)) | st.text()


@given(JSON | st.dictionaries(NAMES, JSON, max_size=4), st.sampled_from([POLICY, GENEROUS]))
def test_no_json_value_raises(config: object, policy: StreamPolicy) -> None:
    """Whatever a client sends is a plan or a refusal, and either can be put on a wire."""
    found = options.parse(config, policy)
    if isinstance(found, ConfigRefusal):
        assert found.message.encode()
    else:
        assert query(found).isascii()
