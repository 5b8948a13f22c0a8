"""What a stand-in connection does: its pace, its words, and the fault it is to show."""

import enum
from collections.abc import Mapping
from typing import Any

import attrs

__all__ = ["Fault", "Script"]


class Fault(enum.Enum):
    """What goes wrong once enough audio has come."""

    CLOSE = "close"  # a close frame with the script's code and reason
    TIMEOUT = "timeout"  # the same, with Metadata just before, as Deepgram does it
    RESET = "reset"  # the connection is cut without a word
    STALL = "stall"  # nothing is read any more
    SILENT = "silent"  # audio is read, nothing is said any more
    GARBAGE = "garbage"  # a text that is not JSON, then on as before
    HUGE = "huge"  # one message of `huge_bytes`
    ERROR = "error"  # an Error frame, then on as before


@attrs.frozen
class Script:
    """How one connection goes. The default one does everything right."""

    # The upgrade is refused with this status; the texts stand in the header and the body.
    refuse: int | None = None
    err_code: str = "Bad Request"
    err_msg: str = "Invalid query string."
    # Sent as it stands in place of an HTTP answer; empty bytes hang up.
    answer: bytes | None = None
    handshake_seconds: float = 0.0

    # Audio between two results.
    result_ms: int = 1000
    # Said one after the other, from the first again at the end; none: word-0, word-1, …
    words: tuple[str, ...] = ()
    # From one word to the next.
    word_ms: int = 500

    fault: Fault | None = None
    # Audio that comes before the fault; 0 shows it as soon as the stream is open.
    after_ms: int = 0
    close_code: int = 1011
    close_reason: str = ""
    huge_bytes: int = 4 * 2**20
    # CloseStream and close frames are never answered.
    deaf_to_close: bool = False

    # Deepgram's limits: no message at all, and no audio at all since the start.
    message_seconds: float = 10.0
    audio_seconds: float = 20.0

    # Whether the record keeps the audio itself or only its length.
    keep_audio: bool = True

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Script":
        """Read a script from the command line."""
        known = dict(values)
        if "fault" in known:
            known["fault"] = Fault(known["fault"])
        if "answer" in known:
            known["answer"] = known["answer"].encode()
        if "words" in known:
            known["words"] = tuple(known["words"])
        return cls(**known)
