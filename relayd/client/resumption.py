"""What an app remembers so that its stream goes on when the connection breaks. No I/O, no audio.

Places are bytes since the app began, whatever session they belong to. Whoever drives it keeps the
audio from `final_bytes` on, says first what `opening` gives, sends from where `opened` says, and
passes what comes through `hear`: there it gets the times of the whole, and what came twice is
dropped (docs/protocol.md, "When the connection breaks").
"""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from relayd.client import messages
from relayd.client.messages import Ready, Resumed, SpeechStarted, Transcript, UtteranceEnd

__all__ = ["Resumption"]

# Results that are acknowledged together: far fewer than servers keep.
_TOGETHER: Final = 8
# Of the encodings that servers take.
_SAMPLE_BYTES: Final = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}


@attrs.define(eq=False)
class Resumption:
    """One stream of audio over any number of connections and sessions."""

    bytes_per_second: int = 32_000
    block_bytes: int = 2
    # Channels that are transcribed each by itself.
    channels: int = 1
    # Before it, every word is final: that audio is never asked for again.
    final_bytes: int = 0
    # Before it, all of the audio is known to have been taken.
    taken_bytes: int = 0
    # Audio that was to be sent again and was not kept any more.
    lost_bytes: int = 0
    # With what the present session is resumed; empty where its server can't.
    _token: str = ""
    # Where its audio begins; the last numbered result of it that came, and that was acknowledged.
    _base: int = 0
    _received: int = 0
    _acknowledged: int = 0
    _final_by_channel: dict[int | None, int] = attrs.field(factory=dict)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Resumption":
        """For the audio that a session's ``config`` describes."""
        channels = _count(config.get("channels"), 1)
        encoding = str(config.get("encoding") or "linear16")
        block_bytes = _SAMPLE_BYTES.get(encoding, 2) * channels
        rate = _count(config.get("sample_rate"), 16_000)
        apart = channels if config.get("multichannel") is True else 1
        return cls(rate * block_bytes, block_bytes, apart)

    def opening(self, kept_from: int) -> bool | dict[str, Any]:
        """What the auth message says in ``resume``: that we may come back, or to what.

        ``kept_from``: the audio before it is not there any more.
        """
        if not self._token:
            return True
        start = max(self.final_bytes, kept_from) - self._base
        return {"token": self._token, "received": self._received, "start": max(start, 0)}

    def opened(self, answer: Ready, kept_from: int) -> int:
        """The server answered: with a new session or the old one. From where to send now."""
        self._token = answer.resume_token
        if isinstance(answer, Resumed):
            place = self.taken_bytes = self._base + answer.taken
            missing = max(kept_from - place, 0)
            # The server's clock goes on without what it will never hear.
            self._base += missing
            self.lost_bytes += missing
            return place + missing
        self.lost_bytes += max(kept_from - self.final_bytes, 0)
        self._base = self.taken_bytes = max(self.final_bytes, kept_from)
        self._received = self._acknowledged = 0
        self._final_by_channel.clear()
        return self._base

    def hear(self, message: messages.Message) -> messages.Message | None:
        """The message with the times of the whole; None for one that came before."""
        if isinstance(message, messages.SessionEnd):
            self._note_end(message)
        if not isinstance(message, Transcript | SpeechStarted | UtteranceEnd):
            return message
        self.taken_bytes = max(self.taken_bytes, self._base + (message.taken or 0))
        if message.number is not None:
            if message.number <= self._received:
                return None
            self._received = message.number
        if isinstance(message, Transcript) and message.is_final:
            self._note_final(message)
        return message.later_by(self._base / self.bytes_per_second) if self._base else message

    def acknowledgement(self) -> str | None:
        """What to say now about results that came; None for nothing, or not yet."""
        if not self._token or self._received - self._acknowledged < _TOGETHER:
            return None
        self._acknowledged = self._received
        return messages.received(self._received)

    def _note_final(self, final: Transcript) -> None:
        end = round((final.start + final.duration) * self.bytes_per_second)
        self._final_by_channel[final.channel] = end - end % self.block_bytes
        if len(self._final_by_channel) >= self.channels:
            earliest = min(self._final_by_channel.values())
            self.final_bytes = max(self.final_bytes, self._base + earliest)

    def _note_end(self, end: messages.SessionEnd) -> None:
        if end.taken is not None and end.reason in _ORDERLY:
            self.final_bytes = max(self.final_bytes, self._base + end.taken)


# After these, every word of what was taken has been said.
_ORDERLY: Final = frozenset({"completed", "server_draining", "session_limit"})


def _count(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and value > 0 else otherwise
