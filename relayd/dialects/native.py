"""relayd's own protocol (docs/protocol.md), parsed and formatted, nothing sent.

Fields and message types may be added to it, none may be renamed or dropped: apps in the field
speak it.
"""

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

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
    Said,
    Texts,
)
from relayd.session.endings import EndReason
from relayd.speech.plan import StreamPlan
from relayd.speech.words import SpeechStarted, Transcript, UpstreamEvent, UtteranceEnd, Word

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
        return _CONTROLS.get(kind) or Malformed(
            "The message type is unknown; expected finalize, keepalive or stop."
        )

    def ready(self, session_id: UUID, engine: str, plan: StreamPlan, remaining_ms: int) -> Texts:
        """``ready``."""
        text = _format(
            "ready",
            session_id=str(session_id),
            engine=engine,
            model=plan.model,
            rate=plan.tariff.rate,
            seconds_remaining=seconds(remaining_ms),
        )
        return (text,)

    def remark(self, remark: str) -> Texts:
        """An ``error`` that is not fatal, of the code that a refusal would have."""
        return (_error(ERROR_CODES[EndReason.BAD_CONFIG], remark, fatal=False),)

    def complaint(self, problem: str) -> Texts:
        """An ``error`` that is not fatal."""
        return (_error("bad_message", problem, fatal=False),)

    def result(self, event: UpstreamEvent) -> Texts:
        """``transcript``, ``speech_started`` or ``utterance_end``."""
        if isinstance(event, Transcript):
            # Nearly always.
            return (_transcript(event),)
        match event:
            case SpeechStarted():
                return (_format("speech_started", timestamp=event.timestamp),)
            case UtteranceEnd():
                return (_format("utterance_end", last_word_end=event.last_word_end),)

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
            )
            texts.append(end)
        return tuple(texts)

    def closing(self, reason: EndReason) -> Closing:
        """The reason's code and its label."""
        return Closing(CLOSE_CODES[reason], reason.label)


def _parse_auth(message: Mapping[str, Any]) -> Introduction | Malformed:
    token = message.get("token")
    config = message.get("config")
    if not isinstance(token, str):
        return Malformed('The auth message has no "token".')
    if config is None:
        return Introduction(token)
    if not isinstance(config, dict):
        return Malformed('The "config" of the auth message is not an object.')
    return Introduction(token, config)


def _error(code: str, wording: str, *, fatal: bool) -> str:
    return _format("error", code=code, message=wording, fatal=fatal)


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


def _transcript(event: Transcript) -> str:
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
    return _encode(result)


def _format(kind: str, **fields: Any) -> str:
    return _encode({"type": kind, **fields})


def _encode(message: object) -> str:
    try:
        return _ENCODER.encode(message).decode()
    except UnicodeEncodeError:
        # ASCII escapes keep a lone surrogate of an engine from breaking the UTF-8 on the wire.
        return json.dumps(msgspec.to_builtins(message), separators=(",", ":"))
