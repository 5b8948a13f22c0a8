"""A dialect as unlike relayd's own as others are: terse, with audio inside of text."""

import base64
import json
from typing import Any

import attrs

from relayd.session.dialect import (
    Audio,
    Closing,
    Conclusion,
    Finalize,
    Finish,
    Introduction,
    KeepAlive,
    Malformed,
    Mark,
    Readiness,
    Return,
    Said,
    Texts,
)
from relayd.session.endings import EndReason
from relayd.speech.words import Transcript, UpstreamEvent

__all__ = ["TerseDialect"]

_CONTROLS: dict[str, Said] = {"commit": Finalize(), "here": KeepAlive(), "done": Finish()}


@attrs.define(eq=False)
class TerseDialect:
    """Implements `relayd.session.dialect.Dialect`.

    Says nothing before the first words, two messages for each result, and of warnings nothing;
    numbers what it says, so one that two sessions share would show.
    """

    _said: int = 0

    def parse(self, text: str) -> Said:
        """One word, and what belongs to it."""
        word, _, rest = text.partition(" ")
        match word:
            case "hello":
                token, _, config = rest.partition(" ")
                return Introduction(token, json.loads(config or "{}"))
            case "audio":
                return Audio(base64.b64decode(rest))
            case _:
                return _CONTROLS.get(word) or Malformed("no such word")

    def ready(self, readiness: Readiness) -> Texts:
        """Nothing."""
        return ()

    def resumed(self, back: Return) -> Texts:
        """Nothing: its apps don't come back."""
        return ()

    def remark(self, remark: str) -> Texts:
        """Nothing."""
        return ()

    def complaint(self, problem: str) -> Texts:
        """A question."""
        return (self._text("huh", problem=problem),)

    def result(self, event: UpstreamEvent, mark: Mark | None = None) -> Texts:
        """The words, and that they are complete."""
        if not isinstance(event, Transcript):
            return ()
        return (self._text("delta", text=event.text), self._text("completed"))

    def credits_low(self, remaining_ms: int) -> Texts:
        """Nothing."""
        return ()

    def conclusion(self, conclusion: Conclusion) -> Texts:
        """One message, whatever happened."""
        if not conclusion.authenticated:
            return ()
        return (self._text("over", why=conclusion.reason.label, used_ms=conclusion.used_ms),)

    def closing(self, reason: EndReason) -> Closing:
        """Two codes are enough."""
        return Closing(1000 if reason.by_app else 4000, "over")

    def _text(self, kind: str, **fields: Any) -> str:
        self._said += 1
        return json.dumps({"type": kind, "number": self._said, **fields})
