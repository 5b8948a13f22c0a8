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
    "Mark",
    "Readiness",
    "Received",
    "Resume",
    "Return",
    "Said",
    "Texts",
    "Ticket",
]


@attrs.frozen
class Resume:
    """An app that can come back with another connection where the one that it has is lost.

    Empty the first time. Then the token that it was given, the number of the last result that it
    has, and where in that session's audio it would go on with another one (bytes).
    """

    token: str = ""
    received: int = 0
    start_bytes: int = 0


@attrs.frozen
class Hello:
    """Who the app is and what it asks for, where its upgrade said so: by header, or subprotocol."""

    principal: Principal
    config: Mapping[str, Any] = attrs.field(factory=dict)
    resume: Resume | None = None


@attrs.frozen
class Introduction:
    """The same as a first message: an access token, and how the audio shall be transcribed."""

    token: str = attrs.field(repr=False)
    config: Mapping[str, Any] = attrs.field(factory=dict)
    # None: an app that won't come back.
    resume: Resume | None = None


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
class Received:
    """The app has every numbered result up to this one."""

    number: int


@attrs.frozen
class Malformed:
    """Text that is none of the above; ``problem`` says why, without repeating it."""

    problem: str


Said = Introduction | Audio | Finalize | KeepAlive | Finish | Received | Malformed

# What is sent, in this order.
Texts = tuple[str, ...]


@attrs.frozen
class Ticket:
    """With what an app comes back, and for how many seconds after its connection was lost."""

    token: str
    seconds: float


@attrs.frozen
class Readiness:
    """The engine is open, and does what the plan says. Milliseconds of credit."""

    session_id: UUID
    plan: StreamPlan
    remaining_ms: int
    # None: nobody is waited for.
    ticket: Ticket | None = None


@attrs.frozen
class Return:
    """What who came back must know: its audio was taken up to this byte. Milliseconds of credit."""

    session_id: UUID
    taken_bytes: int
    remaining_ms: int
    ticket: Ticket


@attrs.frozen
class Mark:
    """What stands on a result for an app that can come back."""

    # Of its audio, at the time.
    taken_bytes: int
    # One more than that of the last numbered result; None for one that will be replaced.
    number: int | None


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
    # Of its audio, for an app that can come back.
    taken_bytes: int | None = None


@attrs.frozen
class Closing:
    """What the closing frame carries (RFC 6455, 7.4): a code, and up to 123 bytes of text."""

    code: int
    text: str


class Dialect(Protocol):
    """How one app and its session speak. Binary messages of the app are audio."""

    def parse(self, text: str) -> Said:
        """Understand one text message. Never raises, whatever a client sends."""

    def ready(self, readiness: Readiness) -> Texts:
        """Send audio now."""

    def resumed(self, back: Return) -> Texts:
        """It goes on: send audio from that byte on. What was missed follows."""

    def remark(self, remark: str) -> Texts:
        """Something about the configuration, which is accepted all the same."""

    def complaint(self, problem: str) -> Texts:
        """A message could not be understood, and was passed over."""

    def result(self, event: UpstreamEvent, mark: Mark | None = None) -> Texts:
        """A transcript, a mark of the voice activity detection, or that another engine goes on.

        ``mark`` is there for an app that can come back; its number goes to the last of the texts.
        """

    def credits_low(self, remaining_ms: int) -> Texts:
        """The credit fell to one of the configured levels."""

    def conclusion(self, conclusion: Conclusion) -> Texts:
        """The last messages: what went wrong, if anything, and what was used."""

    def closing(self, reason: EndReason) -> Closing:
        """The closing frame after them."""
