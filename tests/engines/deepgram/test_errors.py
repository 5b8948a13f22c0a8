"""What refusals and closings mean; the statuses and texts are Deepgram's own."""

import json
import ssl

import pytest
import trio

from relayd.engines.deepgram import errors
from relayd.errors import (
    UpstreamBusy,
    UpstreamClosed,
    UpstreamError,
    UpstreamOff,
    UpstreamRejected,
    UpstreamUnavailable,
)
from relayd.speech.fallback import PAUSE_SECONDS

UNAVAILABLE = "The speech engine is not available. Try again shortly."


def body(code: str, text: str) -> bytes:
    """The usual shape of an error's body."""
    return json.dumps({"err_code": code, "err_msg": text, "request_id": "01a0"}).encode()


@pytest.mark.parametrize(
    ("status", "text", "error", "told", "remedy", "alarming"),
    [
        (400, "Invalid query string.", UpstreamRejected, "combination of options", "model", False),
        (
            400,
            "Bad Request: No such model/language/tier combination found.",
            UpstreamRejected,
            "model, version and language",
            "engines.deepgram",
            False,
        ),
        (
            400,
            "Bad Request: Keyterm limit exceeded. The maximum number of tokens is 500.",
            UpstreamRejected,
            "keyterm holds too many phrases",
            "engines.deepgram",
            False,
        ),
        (400, "Project 77 of ACME.", UpstreamRejected, "refused this conf", "ACME", False),
        (401, "Invalid credentials.", UpstreamOff, UNAVAILABLE, "api_key is wrong", True),
        (
            401,
            "User does not have sufficient permissions.",
            UpstreamOff,
            UNAVAILABLE,
            "usage:write",
            True,
        ),
        (
            402,
            "Project does not have enough credits for an ASR request.",
            UpstreamOff,
            UNAVAILABLE,
            "credit is used up",
            True,
        ),
        (
            403,
            "Project does not have access to the requested model.",
            UpstreamUnavailable,
            UNAVAILABLE,
            "choose another",
            True,
        ),
        (404, "Not found.", UpstreamUnavailable, UNAVAILABLE, "engines.deepgram.url", True),
        (301, "", UpstreamUnavailable, UNAVAILABLE, "engines.deepgram.url", True),
        (405, "", UpstreamRejected, "model can't transcribe live", "files only", False),
        (429, "Too many requests.", UpstreamBusy, UNAVAILABLE, "connections_max", True),
        (500, "", UpstreamUnavailable, UNAVAILABLE, "status.deepgram.com", False),
        (503, "Service Unavailable", UpstreamBusy, UNAVAILABLE, "fault of theirs", False),
    ],
)
def test_a_refused_upgrade_is_explained_twice(  # noqa: PLR0917  the columns of the table
    status: int,
    text: str,
    error: type[UpstreamError],
    told: str,
    remedy: str,
    alarming: bool,
) -> None:
    """The user hears what is his to change and nothing of the account; the operator the rest."""
    found = errors.refused(status, [(b"dg-request-id", b"01a0")], body("CODE", text))
    assert type(found.error) is error
    assert told in found.error.message
    assert remedy in found.error.hint
    assert str(status) in found.error.hint
    assert found.alarming is alarming
    for private in ("Project", "credit", "key ", "ACME", "permission"):
        assert private not in found.error.message


@pytest.mark.parametrize(
    ("headers", "content", "text"),
    [
        ([(b"DG-Error", b"from the header")], body("X", "from the body"), "from the header"),
        ([], b'{"category":"INVALID_JSON","message":"of newer ones","details":""}', "newer ones"),
        ([], b'"a plain string"', "a plain string"),
        ([], b"no JSON\n\x1b[31m at all", "no JSON [31m at all"),
        ([], b"[" * 100_000, "["),
        ([], b"\xff\xfe", ""),
        ([], None, ""),
    ],
)
def test_an_explanation_is_found_in_any_shape(
    headers: list[tuple[bytes, bytes]], content: bytes | None, text: str
) -> None:
    """Header, two kinds of JSON, plain text, nothing: always one short printable line."""
    hint = errors.refused(500, headers, content).error.hint
    assert text in hint
    assert hint.isprintable()
    assert len(hint) < 500


@pytest.mark.parametrize(
    ("code", "reason", "error", "hint"),
    [
        (1008, "DATA-0000", UpstreamRejected, "can't decode"),
        (1011, "see https://dpgr.am/data0000", UpstreamRejected, "can't decode"),
        (1011, "… https://dpgr.am/net0001", UpstreamClosed, "got nothing in time"),
        (1011, "NET-0000", UpstreamClosed, "got nothing in time"),
        (1011, "no_audio_timeout", UpstreamClosed, "got nothing in time"),
        (1011, "", UpstreamClosed, "status.deepgram.com"),
        (1000, None, UpstreamClosed, "status.deepgram.com"),
        (1006, None, UpstreamClosed, "connection broke"),
        (4321, "\n\x00", UpstreamClosed, "4321"),
    ],
)
def test_an_early_end_is_explained_by_its_number(
    code: int, reason: str | None, error: type[UpstreamError], hint: str
) -> None:
    """The error's number is searched for in the close reason, whatever prose is around it."""
    found = errors.closed(code, reason)
    assert type(found.error) is error
    assert hint in found.error.hint
    assert found.error.hint.isprintable()


def test_an_untrusted_certificate_is_named() -> None:
    """The reason stands behind the error that the stream raised."""
    try:
        try:
            raise ssl.SSLCertVerificationError(1, "certificate verify failed")
        except ssl.SSLError as cause:
            cause.verify_message = "self-signed certificate"  # type: ignore[attr-defined]
            raise trio.BrokenResourceError from cause
    except trio.BrokenResourceError as error:
        found = errors.unreachable("api.deepgram.com", error)
    assert "not trusted (self-signed certificate)" in found.error.hint
    assert found.error.message == UNAVAILABLE


def test_an_unreachable_host_is_named_even_where_the_error_says_nothing() -> None:
    """The type of an error without a text stands in for it."""
    hint = errors.unreachable("api.deepgram.com", trio.BrokenResourceError()).error.hint
    assert "can't connect to api.deepgram.com (BrokenResourceError)" in hint


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [(429, b"7", 7), (429, b"", PAUSE_SECONDS), (503, b"soon", PAUSE_SECONDS), (500, b"90", 90)],
)
def test_a_pause_is_as_long_as_it_asks_for(status: int, asked: bytes, seconds: float) -> None:
    """`Retry-After` counts with any refusal that passes; some ask for a pause without it."""
    error = errors.refused(status, [(b"Retry-After", asked)], None).error
    assert isinstance(error, UpstreamBusy)
    assert error.retry_seconds == seconds


def test_a_hint_is_given_to_another_of_the_same_kind() -> None:
    """Nothing but the hint differs."""
    busy = errors.too_slow(5).error.hinting("***")
    assert isinstance(busy, UpstreamBusy)
    assert (busy.hint, busy.retry_seconds, busy.message) == ("***", PAUSE_SECONDS, UNAVAILABLE)
