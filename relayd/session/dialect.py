"""The seam to what apps speak: everything that a session says or understands passes through it.

A dialect is pure: text in, a meaning out; a fact in, texts out. It may remember what was said
before, so each session has an instance of its own. Where a dialect has no words for something, it
says nothing; where it takes several messages, it says several.
"""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

import attrs

from relayd.identity import Principal
from relayd.session.endings import EndReason
from relayd.speech.plan import StreamPlan
from relayd.speech.words import UpstreamEvent

__all__ = [
    "Audio",
    "Closing",
    "Conclusion",
    "Dialect",
    "Finalize",
    "Finish",
    "Hello",
    "Introduction",
    "KeepAlive",
    "Malformed",
    "Said",
    "Texts",
]


@attrs.frozen
class Hello:
    """Who the app is and what it asks for, where its upgrade said so: by header, or subprotocol."""

    principal: Principal
    config: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Introduction:
    """The same as a first message: an access token, and how the audio shall be transcribed."""

    token: str = attrs.field(repr=False)
    config: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Audio:
    """A piece of audio that came inside a text message; most dialects send it as binary."""

    data: bytes = attrs.field(repr=False)


@attrs.frozen
class Finalize:
    """Transcribe what was sent so far; the stream goes on."""


@attrs.frozen
class KeepAlive:
    """No audio for now, but the app is there."""


@attrs.frozen
class Finish:
    """No more audio: deliver the last words and end."""


@attrs.frozen
class Malformed:
    """Text that is none of the above; ``problem`` says why, without repeating it."""

    problem: str


Said = Introduction | Audio | Finalize | KeepAlive | Finish | Malformed

# What is sent, in this order.
Texts = tuple[str, ...]


@attrs.frozen
class Conclusion:
    """How a session ended, as its app is to hear it. Milliseconds of credit."""

    reason: EndReason
    # What happened and what to do about it.
    wording: str
    used_ms: int
    # None where the accounts can't be reached.
    remaining_ms: int | None
    # Whether the app got as far as saying who it is.
    authenticated: bool


@attrs.frozen
class Closing:
    """What the closing frame carries (RFC 6455, 7.4): a code, and up to 123 bytes of text."""

    code: int
    text: str


class Dialect(Protocol):
    """How one app and its session speak. Binary messages of the app are audio."""

    def parse(self, text: str) -> Said:
        """Understand one text message. Never raises, whatever a client sends."""

    def ready(self, session_id: UUID, engine: str, plan: StreamPlan, remaining_ms: int) -> Texts:
        """The engine is open, and does what the plan says: send audio now."""

    def remark(self, remark: str) -> Texts:
        """Something about the configuration, which is accepted all the same."""

    def complaint(self, problem: str) -> Texts:
        """A message could not be understood, and was passed over."""

    def result(self, event: UpstreamEvent) -> Texts:
        """A transcript, or a mark of the voice activity detection."""

    def credits_low(self, remaining_ms: int) -> Texts:
        """The credit fell to one of the configured levels."""

    def conclusion(self, conclusion: Conclusion) -> Texts:
        """The last messages: what went wrong, if anything, and what was used."""

    def closing(self, reason: EndReason) -> Closing:
        """The closing frame after them."""
