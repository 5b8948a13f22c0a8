"""relayd's own protocol (docs/protocol.md), parsed and formatted, nothing sent.

Fields and message types may be added to it, none may be renamed or dropped: apps in the field
speak it.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

import attrs
import msgspec

from relayd.durations import seconds
from relayd.session.dialect import (
    Closing,
    Conclusion,
    Finalize,
    Finish,
    Introduction,
    KeepAlive,
    Malformed,
    Mark,
    Readiness,
    Received,
    Resume,
    Return,
    Said,
    Texts,
    Ticket,
)
from relayd.session.endings import EndReason
from relayd.speech.words import (
    EngineChanged,
    SpeechStarted,
    Transcript,
    UpstreamEvent,
    UtteranceEnd,
    Word,
)

__all__ = ["CLOSE_CODES", "ERROR_CODES", "NativeDialect"]

# What `error.code` says; the app's own endings are no errors.
ERROR_CODES: Final[Mapping[EndReason, str]] = {
    EndReason.AUTH_TIMEOUT: "auth_timeout",
    EndReason.AUTH_FAILED: "auth_failed",
    EndReason.AUTH_REVOKED: "auth_failed",
    EndReason.INSUFFICIENT_CREDITS: "insufficient_credits",
    EndReason.CREDIT_FROZEN: "insufficient_credits",
    EndReason.BAD_CONFIG: "bad_config",
    EndReason.TOO_MANY_SESSIONS: "too_many_sessions",
    EndReason.IDLE_TIMEOUT: "idle_timeout",
    EndReason.SESSION_LIMIT: "session_limit",
    EndReason.SLOW_CLIENT: "slow_client",
    EndReason.UPSTREAM_UNAVAILABLE: "upstream_unavailable",
    EndReason.UPSTREAM_CLOSED: "upstream_closed",
    EndReason.SERVICE_UNAVAILABLE: "service_unavailable",
    EndReason.SERVER_DRAINING: "server_draining",
    EndReason.INTERNAL_ERROR: "internal_error",
}

# Those below 4000 are RFC 6455's and IANA's; the others are 4000 and what HTTP would answer.
CLOSE_CODES: Final[Mapping[EndReason, int]] = {
    EndReason.COMPLETED: 1000,
    EndReason.CLIENT_GONE: 1000,
    EndReason.AUTH_TIMEOUT: 4401,
    EndReason.AUTH_FAILED: 4401,
    EndReason.AUTH_REVOKED: 4401,
    EndReason.INSUFFICIENT_CREDITS: 4402,
    EndReason.CREDIT_FROZEN: 4402,
    EndReason.BAD_CONFIG: 4400,
    EndReason.TOO_MANY_SESSIONS: 4429,
    EndReason.IDLE_TIMEOUT: 4408,
    EndReason.SESSION_LIMIT: 4409,
    EndReason.SLOW_CLIENT: 4413,
    EndReason.UPSTREAM_UNAVAILABLE: 4502,
    EndReason.UPSTREAM_CLOSED: 4502,
    EndReason.SERVICE_UNAVAILABLE: 4503,
    EndReason.SERVER_DRAINING: 1012,
    EndReason.INTERNAL_ERROR: 1011,
}

_CONTROLS: Final[Mapping[str, Said]] = {
    "finalize": Finalize(),
    "keepalive": KeepAlive(),
    "stop": Finish(),
    # The names that Deepgram's own clients send.
    "Finalize": Finalize(),
    "KeepAlive": KeepAlive(),
    "CloseStream": Finish(),
}

# Bytes and results of any session are far below it.
_COUNT_MOST: Final = 2**53

# In C: results are the most that a daemon says, several a second in every session.
_ENCODER: Final = msgspec.json.Encoder()


@attrs.frozen
class NativeDialect:
    """Implements `relayd.session.dialect.Dialect`; it has nothing to remember."""

    def parse(self, text: str) -> Said:
        """Understand one text message."""
        try:
            message = json.loads(text)
        # A number of a million digits is a ValueError, a million brackets a RecursionError.
        except (ValueError, RecursionError):
            return Malformed("The message is not valid JSON.")
        if not isinstance(message, dict):
            return Malformed("The message is not a JSON object.")
        kind = message.get("type")
        if not isinstance(kind, str):
            return Malformed('The message has no "type".')
        if kind == "auth":
            return _parse_auth(message)
        if kind == "received":
            return _parse_received(message)
        return _CONTROLS.get(kind) or Malformed(
            "The message type is unknown; expected finalize, keepalive or stop."
        )

    def ready(self, readiness: Readiness) -> Texts:
        """``ready``."""
        plan = readiness.plan
        text = _format(
            "ready",
            session_id=str(readiness.session_id),
            engine=plan.engine,
            model=plan.model,
            rate=plan.tariff.rate,
            seconds_remaining=seconds(readiness.remaining_ms),
            **_ticket_fields(readiness.ticket),
        )
        return (text,)

    def resumed(self, back: Return) -> Texts:
        """``resumed``."""
        text = _format(
            "resumed",
            session_id=str(back.session_id),
            taken=back.taken_bytes,
            seconds_remaining=seconds(back.remaining_ms),
            **_ticket_fields(back.ticket),
        )
        return (text,)

    def remark(self, remark: str) -> Texts:
        """An ``error`` that is not fatal, of the code that a refusal would have."""
        return (_error(ERROR_CODES[EndReason.BAD_CONFIG], remark, fatal=False),)

    def complaint(self, problem: str) -> Texts:
        """An ``error`` that is not fatal."""
        return (_error("bad_message", problem, fatal=False),)

    def result(self, event: UpstreamEvent, mark: Mark | None = None) -> Texts:
        """``transcript``, ``speech_started`` or ``utterance_end``; ``error`` for a new engine."""
        if isinstance(event, Transcript):
            # Nearly always.
            return (_transcript(event, mark),)
        marks = {} if mark is None else {"number": mark.number, "taken": mark.taken_bytes}
        match event:
            case SpeechStarted():
                return (_format("speech_started", timestamp=event.timestamp, **marks),)
            case UtteranceEnd():
                return (_format("utterance_end", last_word_end=event.last_word_end, **marks),)
            case EngineChanged():
                return (_changed(event),)

    def credits_low(self, remaining_ms: int) -> Texts:
        """``credits_low``."""
        return (_format("credits_low", seconds_remaining=seconds(remaining_ms)),)

    def conclusion(self, conclusion: Conclusion) -> Texts:
        """A fatal ``error``, and ``session_end`` for who got past auth."""
        texts = []
        code = ERROR_CODES.get(conclusion.reason)
        if code is not None:
            texts.append(_error(code, conclusion.wording, fatal=True))
        if conclusion.authenticated:
            remaining_ms = conclusion.remaining_ms
            end = _format(
                "session_end",
                seconds_used=seconds(conclusion.used_ms),
                reason=conclusion.reason.label,
                seconds_remaining=None if remaining_ms is None else seconds(remaining_ms),
                **_taken_field(conclusion.taken_bytes),
            )
            texts.append(end)
        return tuple(texts)

    def closing(self, reason: EndReason) -> Closing:
        """The reason's code and its label."""
        return Closing(CLOSE_CODES[reason], reason.label)


def _parse_auth(message: Mapping[str, Any]) -> Introduction | Malformed:
    token = message.get("token")
    config = message.get("config")
    resume = _parse_resume(message.get("resume"))
    if not isinstance(token, str):
        return Malformed('The auth message has no "token".')
    if config is not None and not isinstance(config, dict):
        return Malformed('The "config" of the auth message is not an object.')
    if isinstance(resume, Malformed):
        return resume
    return Introduction(token, config or {}, resume)


def _parse_resume(value: object) -> Resume | Malformed | None:
    """True from who may come back; who does brings what `ready` said, and how far it got."""
    if value is None or isinstance(value, bool):
        return Resume() if value else None
    if isinstance(value, dict):
        token, numbers = value.get("token"), [value.get("received", 0), value.get("start", 0)]
        if isinstance(token, str) and all(map(_is_count, numbers)):
            return Resume(token, *numbers)
    return Malformed(
        'The "resume" of the auth message is neither true nor {"token", "received", "start"}.'
    )


def _parse_received(message: Mapping[str, Any]) -> Received | Malformed:
    number = message.get("number")
    return Received(number) if _is_count(number) else Malformed('"received" has no "number".')


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _COUNT_MOST


def _ticket_fields(ticket: Ticket | None) -> dict[str, Any]:
    if ticket is None:
        return {}
    return {"resume_token": ticket.token, "resume_seconds": ticket.seconds}


def _taken_field(taken_bytes: int | None) -> dict[str, Any]:
    return {} if taken_bytes is None else {"taken": taken_bytes}


def _error(code: str, wording: str, *, fatal: bool) -> str:
    return _format("error", code=code, message=wording, fatal=fatal)


def _changed(event: EngineChanged) -> str:
    wording = "The speech engine failed, and the stream goes on with a new one."
    if event.missing:
        wording += f" There may be no final words for {seconds(round(event.missing * 1000))} s."
    return _format(
        "error",
        code="engine_changed",
        message=wording,
        fatal=False,
        engine=event.engine,
        model=event.model,
        rate=event.rate,
    )


class _Result(msgspec.Struct, tag="transcript", tag_field="type", omit_defaults=True, gc=False):
    """``transcript``: an engine's result with the protocol's names, in its order."""

    text: str
    is_final: bool
    confidence: float
    start: float
    duration: float
    speech_final: bool
    words: tuple[Word, ...] = ()
    channel: int | None = None
    from_finalize: bool = False
    # Both for an app that can come back.
    number: int | None = None
    taken: int | None = None


def _transcript(event: Transcript, mark: Mark | None) -> str:
    result = _Result(
        event.text,
        event.is_final,
        event.confidence,
        event.start,
        event.duration,
        event.speech_final,
        event.words,
        event.channel,
        event.from_finalize,
    )
    if mark is not None:
        result.number, result.taken = mark.number, mark.taken_bytes
    return _encode(result)


def _format(kind: str, **fields: Any) -> str:
    return _encode({"type": kind, **fields})


def _encode(message: object) -> str:
    try:
        return _ENCODER.encode(message).decode()
    except UnicodeEncodeError:
        # ASCII escapes keep a lone surrogate of an engine from breaking the UTF-8 on the wire.
        return json.dumps(msgspec.to_builtins(message), separators=(",", ":"))
