"""Who is let in by the stand-in, and with which query."""

import pytest

from relayd.engines.deepgram.messages import query
from relayd.speech.options import PAID_OPTIONS, StreamPolicy, parse
from relayd.speech.plan import StreamPlan
from tests.standin.handshake import Refusal, authorised, listening
from tests.standin.speech import Listening

RAW = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"

FLAGS = (
    "multichannel",
    "vad_events",
    "no_delay",
    "punctuate",
    "smart_format",
    "numerals",
    "profanity_filter",
    "dictation",
    "filler_words",
    "diarize",
    "detect_entities",
)


@pytest.mark.parametrize(
    ("authorization", "subprotocols", "admitted"),
    [
        ("Token key", (), True),
        ("token key", (), True),
        ("Bearer jwt", (), True),
        ("bearer jwt", (), True),
        ("Bearer key", (), False),
        ("Token jwt", (), False),
        ("Token", (), False),
        ("key", (), False),
        ("", (), False),
        ("", ("token", "key"), True),
        ("", ("bearer", "jwt"), True),
        ("", ("token", "key", "x-deepgram-session-id", "1234"), True),
        ("", ("token", "wrong"), False),
        ("", ("token",), False),
    ],
)
def test_a_key_and_a_token_open_their_own_doors(
    authorization: str, subprotocols: tuple[str, ...], admitted: bool
) -> None:
    """Keys come as Token, temporary tokens as Bearer, either as a pair of subprotocols."""
    assert authorised(authorization, subprotocols, "key", "jwt") is admitted


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v2/listen?model=flux-general-en", 404),
        (RAW + "&frobnicate=1", 400),
        (RAW + "&punctuate=True", 400),
        (RAW + "&channels=0", 400),
        (RAW + "&endpointing=soon", 400),
        (RAW + "&utterance_end_ms=1000", 400),
        ("/v1/listen?model=nova-3&encoding=linear16", 400),
        ("/v1/listen?model=nova-3", 400),
        (RAW.replace("nova-3", "no-such-model"), 400),
        (RAW.replace("nova-3", "whisper-large"), 405),
    ],
)
def test_a_bad_query_is_refused(target: str, status: int) -> None:
    """Unknown parameters and wrong values get Deepgram's 400."""
    found = listening(target)
    assert isinstance(found, Refusal)
    assert found.status == status


def test_whatever_the_whitelist_lets_through_is_understood() -> None:
    """Every option that an app may use is a parameter of the stand-in's, too."""
    config = {
        "encoding": "mulaw",
        "sample_rate": 8000,
        "channels": 2,
        "interim_results": True,
        "language": "multi",
        "version": "latest",
        "endpointing": 300,
        "utterance_end_ms": 1000,
        "replace": "a:b",
        "search": ["c", "d"],
        "keywords": "e:1",
        "diarize_model": "v1",
        "redact": ["pci"],
        "keyterm": ["f g"],
    } | dict.fromkeys(FLAGS, True)
    plan = parse(config, StreamPolicy("nova-3", paid_features=PAID_OPTIONS))
    assert isinstance(plan, StreamPlan), plan
    assert listening("/v1/listen?" + query(plan)) == Listening(
        bytes_per_second=16_000,
        channels=2,
        multichannel=True,
        interim_results=True,
        endpointing_ms=300,
        utterance_end_ms=1000,
        vad_events=True,
    )
