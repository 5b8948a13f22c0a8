"""Who may open a stream, and with which query: the answers Deepgram gives before the 101."""

import json
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs, urlsplit

import attrs

from relayd.speech.formats import SAMPLE_BYTES
from tests.standin.speech import Listening

__all__ = ["INVALID_CREDENTIALS", "Refusal", "authorised", "listening"]

_FLAGS: Final = [
    "multichannel",
    "interim_results",
    "vad_events",
    "no_delay",
    "punctuate",
    "smart_format",
    "numerals",
    "profanity_filter",
    "filler_words",
    "dictation",
    "diarize",
    "detect_entities",
    "mip_opt_out",
]
_NUMBERS: Final = ("sample_rate", "channels", "utterance_end_ms")
_TEXTS: Final = [
    "model",
    "version",
    "language",
    "encoding",
    "endpointing",
    "diarize_model",
    "redact",
    "replace",
    "search",
    "keyterm",
    "keywords",
    "extra",
    "tag",
    "callback",
    "callback_method",
]


@attrs.frozen
class Refusal:
    """An upgrade that is refused."""

    status: int
    err_code: str
    err_msg: str

    def body(self, request_id: str) -> bytes:
        """The JSON that comes with it."""
        return json.dumps(
            {"err_code": self.err_code, "err_msg": self.err_msg, "request_id": request_id}
        ).encode()


_INVALID: Final = Refusal(400, "Bad Request", "Invalid query string.")
INVALID_CREDENTIALS: Final = Refusal(401, "INVALID_AUTH", "Invalid credentials.")


def authorised(authorization: str, subprotocols: Sequence[str], key: str, jwt: str) -> bool:
    """Whether a key or a temporary token was shown; a key is no bearer token."""
    secrets = {"token": key, "bearer": jwt}
    scheme, _, secret = authorization.partition(" ")
    if secret and secrets.get(scheme.lower()) == secret:
        return True
    offered = dict(zip(subprotocols[::2], subprotocols[1::2], strict=False))
    return any(offered.get(scheme) == secret for scheme, secret in secrets.items())


def listening(target: str) -> Listening | Refusal:
    """What the request target asks for."""
    url = urlsplit(target)
    if url.path != "/v1/listen":
        return Refusal(404, "NOT_FOUND", "Not found.")
    query = parse_qs(url.query, keep_blank_values=True, errors="replace")
    if not _valid(query):
        return _INVALID
    one = {key: values[-1] for key, values in query.items()}
    model = one.get("model", "base")
    if model.startswith("whisper"):
        return Refusal(405, "Method Not Allowed", "This model does not stream.")
    if model.startswith("no-such"):
        message = "Bad Request: No such model/language/tier combination found."
        return Refusal(400, "Bad Request", message)
    sample_bytes = SAMPLE_BYTES.get(one.get("encoding", ""))
    if sample_bytes is None or "sample_rate" not in one:
        return _INVALID  # Containers are not played here.
    channels = int(one.get("channels", "1"))
    endpointing = one.get("endpointing", "10")
    return Listening(
        bytes_per_second=int(one["sample_rate"]) * sample_bytes * channels,
        channels=channels,
        multichannel=one.get("multichannel") == "true",
        interim_results=one.get("interim_results") == "true",
        endpointing_ms=None if endpointing == "false" else int(endpointing),
        utterance_end_ms=int(one["utterance_end_ms"]) if "utterance_end_ms" in one else None,
        vad_events=one.get("vad_events") == "true",
    )


def _valid(query: Mapping[str, Sequence[str]]) -> bool:
    if not query.keys() <= {*_FLAGS, *_NUMBERS, *_TEXTS}:
        return False
    if any(value not in {"true", "false"} for key in _FLAGS for value in query.get(key, ())):
        return False
    if any(not _positive(value) for key in _NUMBERS for value in query.get(key, ())):
        return False
    if "utterance_end_ms" in query and query.get("interim_results") != ["true"]:
        return False
    return all(
        value == "false" or (value.isascii() and value.isdigit())
        for value in query.get("endpointing", ())
    )


def _positive(value: str) -> bool:
    return value.isascii() and value.isdigit() and int(value[:9]) > 0
