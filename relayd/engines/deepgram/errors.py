"""What Deepgram's refusals and closings mean: for the app's user, and for the operator.

Pure. The user hears nothing of the operator's account; the operator's line says what to do.
Source of the statuses, texts and codes: Deepgram's pages "Errors", "Troubleshooting
WebSocket, NET and DATA errors" and "API rate limits". Close reasons are searched for the
error's number and never compared: the pages show it bare, the wire has prose around it.
"""

import json
import re
import ssl
from collections.abc import Sequence
from typing import Final

import attrs

from relayd.engines.refusals import BUSY, retry_after
from relayd.errors import (
    UpstreamBusy,
    UpstreamClosed,
    UpstreamError,
    UpstreamOff,
    UpstreamRejected,
    UpstreamUnavailable,
)
from relayd.speech.engine import CLOSED, UNAVAILABLE
from relayd.speech.fallback import PAUSE_SECONDS

__all__ = [
    "Failure",
    "closed",
    "refused",
    "request_id",
    "stalled",
    "too_slow",
    "unanswered",
    "unreachable",
]


_UNDECODABLE: Final = (
    "The audio can't be decoded: config.encoding, sample_rate or channels do not match it."
)
_NO_STREAMING: Final = "model can't transcribe live audio: choose another"

# Texts about the query that hold nothing of the operator's account, with what the user hears.
_QUERY_FAULTS: Final = (
    ("no such model", "model, version and language do not go together: choose others"),
    ("keyterm limit", "keyterm holds too many phrases: 500 tokens are allowed in all"),
    ("keyterm", "keyterm is not available with this model"),
    ("keywords", "keywords are not available with this model"),
    ("invalid query string", "The speech engine refused this combination of options."),
)
_REFUSED: Final = "The speech engine refused this configuration."

_THEIRS: Final = "a fault of theirs; see https://status.deepgram.com"
_REMEDIES: Final = {
    400: "if clients did not choose it, check model and language in engines.deepgram",
    401: "engines.deepgram.api_key is wrong, expired or of another region",
    402: "the project's credit is used up; buy more or agree on overage with Deepgram",
    403: "the project may not use this model or feature; choose another in engines.deepgram",
    405: "this model works on files only",
    408: _THEIRS,
    429: "the project's limit of concurrent streams is reached; ask Deepgram for a higher one or "
    "lower server.connections_max",
}

# What of a server's text goes into the log.
_TEXT_CHARACTERS: Final = 300


@attrs.frozen
class Failure:
    """An error for the session, and whether a human should look at the operator's line."""

    error: UpstreamError
    alarming: bool = False
    # Where Deepgram gave one; its support asks for it.
    request_id: str = ""


Headers = Sequence[tuple[bytes, bytes]]


def request_id(headers: Headers) -> str:
    """Deepgram's name for the request, which its support asks for."""
    return _header(headers, b"dg-request-id")


def refused(status: int, headers: Headers, body: bytes | None) -> Failure:
    """Explain an upgrade that was answered with this status instead of 101."""
    name = request_id(headers)
    text = _explanation(headers, body)
    hint = f"Deepgram refused the stream ({status} {text}): " + _remedy(status, text)
    if status == 400:  # noqa: PLR2004  HTTP's own numbers read best as they stand
        return Failure(UpstreamRejected(_query_fault(text), hint), request_id=name)
    if status == 405:  # noqa: PLR2004
        return Failure(UpstreamRejected(_NO_STREAMING, hint), request_id=name)
    if status in {401, 402}:
        return Failure(UpstreamOff(UNAVAILABLE, hint), alarming=True, request_id=name)
    pause = retry_after(_header(headers, b"retry-after"))
    fleeting = status == 408 or status >= 500  # noqa: PLR2004
    error = UpstreamUnavailable(UNAVAILABLE, hint)
    if status in BUSY or (fleeting and pause is not None):
        error = UpstreamBusy(UNAVAILABLE, hint, PAUSE_SECONDS if pause is None else pause)
    return Failure(error, not fleeting, name)


def _remedy(status: int, text: str) -> str:
    if status == 401 and "permission" in text.lower():  # noqa: PLR2004
        return "the key needs the usage:write scope; make one with the Member role or higher"
    other = _THEIRS if status >= 500 else "engines.deepgram.url is probably wrong"  # noqa: PLR2004
    return _REMEDIES.get(status, other)


def _query_fault(text: str) -> str:
    lower = text.lower()
    return next((told for found, told in _QUERY_FAULTS if found in lower), _REFUSED)


def _explanation(headers: Headers, body: bytes | None) -> str:
    """Deepgram's own words; bodies come in three shapes, and some are not JSON."""
    text = _header(headers, b"dg-error")
    if not text and body:
        text = body.decode("utf-8", "replace")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            text = str(message.get("err_msg") or message.get("message") or text)
    return _printable(text)


def _header(headers: Headers, wanted: bytes) -> str:
    for name, value in headers:
        if name.lower() == wanted:
            return _printable(value.decode("latin-1"))
    return ""


def _printable(text: str) -> str:
    return re.sub(r"[^ -~]+", " ", text[:_TEXT_CHARACTERS]).strip()


def closed(code: int, reason: str | None) -> Failure:
    """Explain a stream that ended before it was told to; 1006 means without a close frame."""
    text = _printable(reason or "")
    lower = text.lower()
    if code == 1008 or "data-0000" in lower or "data0000" in lower:  # noqa: PLR2004
        hint = f"Deepgram can't decode the audio ({code} {text}): the client's config is wrong"
        return Failure(UpstreamRejected(_UNDECODABLE, hint))
    if re.search(r"net-?000[0-2]|no_audio_timeout", lower):
        remedy = "it got nothing in time, or could not keep up; see the network between you"
    elif code == 1006:  # noqa: PLR2004
        remedy = "the connection broke; see the network between you"
    else:
        remedy = "see https://status.deepgram.com"
    hint = f"Deepgram ended the stream ({code} {text}): {remedy}"
    return Failure(UpstreamClosed(CLOSED, hint))


def stalled(seconds: float) -> Failure:
    """Explain a stream that takes no more audio."""
    hint = f"Deepgram took no audio for {seconds:g} s: see the network between you"
    return Failure(UpstreamUnavailable(UNAVAILABLE, hint))


def unanswered(seconds: float) -> Failure:
    """Explain a stream whose far end is not there any more."""
    hint = f"Deepgram answered no ping for {seconds:g} s: see the network between you"
    return Failure(UpstreamUnavailable(UNAVAILABLE, hint))


def too_slow(seconds: float) -> Failure:
    """Explain a stream that did not open in time."""
    hint = (
        f"Deepgram opened no stream within engines.deepgram.open_seconds ({seconds:g}): see the "
        "network between you, or https://status.deepgram.com"
    )
    return Failure(UpstreamBusy(UNAVAILABLE, hint, PAUSE_SECONDS), alarming=True)


def unreachable(host: str, cause: BaseException) -> Failure:
    """Explain a stream that failed before Deepgram could answer."""
    certificate = _certificate_problem(cause)
    if certificate:
        problem = f"the certificate of {host} is not trusted ({certificate}); is a proxy between?"
    else:
        said = _printable(str(cause)) or type(cause).__name__
        problem = f"can't connect to {host} ({said}); check engines.deepgram.url, DNS, the firewall"
    return Failure(UpstreamBusy(UNAVAILABLE, f"Deepgram: {problem}", PAUSE_SECONDS), alarming=True)


def _certificate_problem(cause: BaseException | None) -> str:
    """Trio wraps the TLS library's error: look behind it."""
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _printable(cause.verify_message)
        cause = cause.__cause__
    return ""
