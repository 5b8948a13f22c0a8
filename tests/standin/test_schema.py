"""The stand-in's messages against Deepgram's own description, where a copy of it is at hand."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.standin.speech import Listening, Recogniser

DESCRIPTION: Final = Path(__file__).parents[3] / "shared/reference/deepgram-asyncapi.yml"
TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}

if not DESCRIPTION.exists():
    pytest.skip("Deepgram's description is not at hand", allow_module_level=True)
yaml = pytest.importorskip("yaml")


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """Every schema of the description by its name."""
    found: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())["components"]["schemas"]
    return found


def faults(value: Any, schema: Any, schemas: dict[str, Any], at: str) -> list[str]:
    """Where a value does not fit its schema; the few keywords that the description uses."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    kind: str = schema["type"]
    fits: bool = isinstance(value, TYPES[kind])
    if not fits or (kind != "boolean" and type(value) is bool):
        return [f"{at} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at} is not one of {schema['enum']}"]
    if kind == "array":
        return _faults_of_items(value, schema["items"], schemas, at)
    found = [f"{at}.{key} is missing" for key in schema.get("required", ()) if key not in value]
    for key, inner in schema.get("properties", {}).items():
        if key in value:
            found += faults(value[key], inner, schemas, f"{at}.{key}")
    return found


def _faults_of_items(values: Any, schema: Any, schemas: dict[str, Any], at: str) -> list[str]:
    found: list[str] = []
    for index, value in enumerate(values):
        found += faults(value, schema, schemas, f"{at}[{index}]")
    return found


def test_every_message_fits_deepgrams_description(schemas: dict[str, Any]) -> None:
    """Results, SpeechStarted, UtteranceEnd and Metadata have the fields and types described."""
    asked = Listening(
        bytes_per_second=64_000,
        channels=2,
        multichannel=True,
        interim_results=True,
        utterance_end_ms=1000,
        vad_events=True,
    )
    recogniser = Recogniser(asked, "01a07aad-cb1e-78c3-80ef-181d08b56576")
    messages = [*recogniser.hear(64_000 * 7), *recogniser.finalize(), *recogniser.finish()]
    for message in messages:
        schema = schemas[f"ListenV1_ListenV1{message['type']}"]
        assert faults(message, schema, schemas, message["type"]) == []
    kinds = {message["type"] for message in messages}
    assert kinds == {"Results", "SpeechStarted", "UtteranceEnd", "Metadata"}


def test_the_check_finds_what_does_not_fit(schemas: dict[str, Any]) -> None:
    """A check that finds nothing in a broken message would prove nothing."""
    broken = {"type": "UtteranceEnd", "channel": [0, "1"]}
    found = faults(broken, schemas["ListenV1_ListenV1UtteranceEnd"], schemas, "message")
    assert found == ["message.last_word_end is missing", "message.channel[1] is no integer"]
