"""RFC 6455 framing without I/O, for either role: bytes in, messages out, and what to answer.

Never raises on the peer's input: the first breach is recorded in ``ended`` together with the close
code to send. Written here instead of wrapping a library because frames of audio and results are the
daemon's hot path (whole frames are cut straight out of what was read), and because a message must
be refused by its announced size before a byte of it is kept. No extension is ever negotiated.
"""

import codecs
import io
import struct
from typing import Final

import attrs

from relayd.websocket.frames import (
    BINARY,
    CLOSE,
    CONTROL_BYTES_MAX,
    EIGHT_BYTES,
    FINAL,
    INVALID_TEXT,
    MASKED,
    NO_STATUS,
    PING,
    POLICY_VIOLATION,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    TWO_BYTES,
    TWO_BYTES_MAX,
    pong_frame,
)
from relayd.websocket.masking import mask

__all__ = ["Bounds", "Decoder", "Ended"]

_CONTINUATION: Final = 0x0
# Below every opcode: no frame, or no message, is under way.
_NONE: Final = -1
_OPCODES: Final = frozenset({_CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

# Section 5.5.3 allows answering only the latest of several pings; sixteen satisfies every client
# that pings in bursts, and bounds what a flood can make us hold to 16 * 127 bytes.
_PONGS_MAX: Final = 16

# Pings and pongs: so many at once, and so many more with every beat of half a second; fewer where
# the peer may be anybody.
CONTROLS: Final = {False: (64, 16), True: (16, 4)}
# A message of such a peer: an access token, and a configuration with some words to listen for.
STRANGE_BYTES: Final = 8192

# Of a peer that was told off: what both ends' kernels may hold, so that it can have read why.
DROPPED_BYTES: Final = 262_144

# Of one call: a read holds thousands of empty fragments, and the neighbours are to be served in
# between.
_TURN_FRAMES: Final = 64

# Section 7.4 and IANA's registry: what a peer may put into a close frame.
_CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})

# What nearly every read begins with: an app's audio, an engine's result, of 126 to 65,535 bytes.
_AUDIO: Final = int.from_bytes((FINAL | BINARY, MASKED | TWO_BYTES))
_RESULT: Final = int.from_bytes((FINAL | TEXT, TWO_BYTES))
# What is shorter may be one of those with its length in too long a form.
_ONLY_BYTES_LEAST: Final = 4 + CONTROL_BYTES_MAX + 1
# The head of such a frame, and its length.
_two_numbers: Final = struct.Struct("!HH").unpack_from


@attrs.frozen
class Bounds:
    """What a peer may send: bytes of a message, of a text, and fragments of one message."""

    message_bytes: int
    # Never more than the above.
    text_bytes: int
    fragments_max: int = 4096


@attrs.frozen
class Ended:
    """The peer's half is over. ``answer`` is the close code to send; 1005 stands for none."""

    answer: int
    detail: str
    clean: bool = False


class Decoder:
    """Decodes one connection's incoming bytes; ``masked`` where the peer is the client.

    Holds at most the message under way (``message_bytes``), thirteen bytes of an unfinished
    header and what is left of the last read.
    """

    __slots__ = (
        "_at",
        "_body",
        "_control",
        "_controls_left",
        "_data",
        "_dropped_bytes",
        "_final",
        "_fragments",
        "_key",
        "_kind",
        "_left",
        "_limit",
        "_midway",
        "_opcode",
        "_pings",
        "_total",
        "_utf8",
        "answers_due",
        "bounds",
        "ended",
        "masked",
        "resting",
        "strange",
    )

    # What a frame's header said, and how much of its payload is to come.
    _final: bool
    _left: int
    _key: bytes
    # What the message under way may come to, and has come to.
    _limit: int
    _total: int
    _fragments: int

    def __init__(self, bounds: Bounds, *, masked: bool) -> None:
        self.bounds = bounds
        self.masked = masked
        self.ended: Ended | None = None
        # Whether the peer may be anybody: it gets less of everything.
        self.strange = False
        self._controls_left = CONTROLS[True][0]
        # Whether the last call left frames for the next one.
        self.resting = False
        # Whether `answers` has something to send.
        self.answers_due = False
        # Whether something came before that isn't worked off: see `only_message`.
        self._midway = False
        self._data = b""
        self._at = 0
        # The frame under way: its opcode.
        self._opcode = _NONE
        self._control = b""
        # The message under way: TEXT or BINARY.
        self._kind = _NONE
        self._body: io.BytesIO | None = None
        self._utf8: codecs.IncrementalDecoder | None = None
        self._pings: list[bytes] = []
        self._dropped_bytes = 0

    def feed(self, data: bytes) -> bool:
        """Add bytes just read; ask for messages until there are none before feeding again.

        What comes after the end is dropped; False where it is more than was under way.
        """
        self._midway = True
        if self.ended is not None:
            self._dropped_bytes += len(data)
            return self._dropped_bytes <= DROPPED_BYTES
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0
        return True

    def beat(self) -> None:
        """Some time went by: more pings and pongs may come."""
        most, more = CONTROLS[self.strange]
        self._controls_left = min(self._controls_left + more, most)

    def answers(self) -> bytes:
        """Pongs that are due, as frames; empties the list."""
        pings, self._pings, self.answers_due = self._pings, [], False
        # Who gets masked frames sends bare ones, and the other way round.
        return b"".join(pong_frame(ping, masked=not self.masked) for ping in pings)

    def only_message(self, data: bytes) -> str | bytes | None:
        """The message, where what was read is one whole frame and nothing was left before it.

        That is the hot path: it is so with nearly every read. None: it isn't, `feed` it.
        """
        length = len(data)
        if length < _ONLY_BYTES_LEAST or self._midway:
            return None
        head, size = _two_numbers(data)
        if self.masked:
            least, most = CONTROL_BYTES_MAX, self.bounds.message_bytes
            if head != _AUDIO or size != length - 8 or not least < size <= most:
                return None
            return mask(data[8:], data[4:8])
        if head != _RESULT or size != length - 4 or size > self.bounds.text_bytes:
            return None
        try:
            return data[4:].decode()
        except UnicodeDecodeError:
            # The long way round says so.
            return None

    def next_message(self) -> str | bytes | None:
        """The next whole message.

        None when more bytes are needed, the peer's half ended, or it worked enough (``resting``).
        """
        frames = 0
        self.resting = False
        while self.ended is None:
            if frames == _TURN_FRAMES:
                self.resting = True
                return None
            frames += 1
            if self._opcode < 0 and not self._read_header():
                break
            if self._left and self._at >= len(self._data):
                break
            chunk = self._take()
            if self._opcode >= CLOSE:
                self._control += chunk
                if not self._left:
                    self._finish_control()
            else:
                message = self._collect(chunk)
                if message is not None:
                    return message
        if self._at >= len(self._data):
            # What was read is not kept for longer than it takes.
            self._data, self._at = b"", 0
            self._midway = self._kind >= 0 or self._opcode >= 0 or self.ended is not None
        return None

    def _read_header(self) -> bool:
        """Open the next frame; False when its header is incomplete or in breach."""
        data, at = self._data, self._at
        if len(data) - at < 2:  # noqa: PLR2004 - the fixed part of a header
            return False
        first, second = data[at], data[at + 1]
        breach = self._breach(first, second)
        if breach is not None:
            return self._end(PROTOCOL_ERROR, breach)
        size = second & 0x7F
        extra = {TWO_BYTES: 2, EIGHT_BYTES: 8}.get(size, 0)
        body = at + 2 + extra
        end = body + 4 if self.masked else body
        if len(data) < end:
            return False
        if extra:
            size = int.from_bytes(data[at + 2 : body])
            shorter_max = CONTROL_BYTES_MAX if extra == 2 else TWO_BYTES_MAX  # noqa: PLR2004
            if size <= shorter_max or size >> 63:
                return self._end(PROTOCOL_ERROR, "payload length not in its shortest form")
        opcode = first & 0x0F
        if not (self._admit(opcode, size) if opcode < CLOSE else self._admit_control(opcode)):
            return False
        self._opcode = opcode
        self._final = bool(first & FINAL)
        self._left = size
        self._key = data[body:end]
        self._at = end
        return True

    def _breach(self, first: int, second: int) -> str | None:  # noqa: PLR0911 - a list of checks
        """What is wrong with a header, as far as its first two bytes show."""
        opcode = first & 0x0F
        if first & 0x70:
            return "reserved bit set"
        if opcode not in _OPCODES:
            return "unknown opcode"
        if bool(second & MASKED) is not self.masked:
            return "frame not masked" if self.masked else "frame masked"
        if opcode >= CLOSE:
            if not first & FINAL:
                return "fragmented control frame"
            if second & 0x7F > CONTROL_BYTES_MAX:
                return "control frame too long"
        elif (opcode == _CONTINUATION) != (self._kind >= 0):
            return "continuation without a message, or a message within another"
        return None

    def _admit(self, opcode: int, size: int) -> bool:
        """Count a data frame against the limits, before a byte of it is kept."""
        if opcode != _CONTINUATION:
            self._kind = opcode
            self._limit = self.bounds.text_bytes if opcode == TEXT else self.bounds.message_bytes
            if self.strange:
                self._limit = min(self._limit, STRANGE_BYTES)
            self._total = 0
            self._fragments = 0
        self._total += size
        self._fragments += 1
        if self._total > self._limit:
            return self._end(TOO_BIG, f"message over {self._limit} bytes")
        if self._fragments > self.bounds.fragments_max:
            return self._end(TOO_BIG, f"message of over {self.bounds.fragments_max} fragments")
        return True

    def _admit_control(self, opcode: int) -> bool:
        """Count a ping or a pong; a close is always heard."""
        if opcode == CLOSE:
            return True
        self._controls_left -= 1
        if self._controls_left < 0:
            return self._end(POLICY_VIOLATION, "too many pings and pongs")
        return True

    def _take(self) -> bytes:
        """What has come of the frame's payload, in the clear."""
        chunk = self._data[self._at : self._at + self._left]
        self._at += len(chunk)
        self._left -= len(chunk)
        key = self._key
        if not key:
            return chunk
        turn = len(chunk) & 3
        if self._left and turn:
            self._key = key[turn:] + key[:turn]
        return mask(chunk, key)

    def _end(self, code: int, detail: str, *, clean: bool = False) -> bool:
        """Take nothing more; False, for whoever was about to."""
        self.ended = Ended(code, detail, clean)
        self._data, self._at = b"", 0
        self._body = self._utf8 = None
        return False

    def _collect(self, chunk: bytes) -> str | bytes | None:
        """Add to the message under way; the message itself once that was its last byte."""
        frame_over = not self._left
        if frame_over:
            self._opcode = _NONE
        message_over = frame_over and self._final
        if self._kind == TEXT and not self._valid_text(chunk, last=message_over):
            return None
        if self._body is None:
            whole = chunk
            if not message_over:
                self._body = io.BytesIO()
        if self._body is not None:
            self._body.write(chunk)
            if not message_over:
                return None
            # getvalue() of a BytesIO hands its buffer over without a copy.
            whole = self._body.getvalue()
        text = self._kind == TEXT
        self._kind = _NONE
        self._body = self._utf8 = None
        return whole.decode() if text else whole

    def _valid_text(self, chunk: bytes, *, last: bool) -> bool:
        """Check UTF-8 as it comes: a breach is answered at once, not at the message's end."""
        if self._utf8 is None:
            self._utf8 = codecs.getincrementaldecoder("utf-8")()
        try:
            self._utf8.decode(chunk, last)
        except UnicodeDecodeError:
            return self._end(INVALID_TEXT, "text is not UTF-8")
        return True

    def _finish_control(self) -> None:
        opcode, payload = self._opcode, self._control
        self._opcode = _NONE
        self._control = b""
        if opcode == PING:
            self._pings = [*self._pings[1 - _PONGS_MAX :], payload]
            self.answers_due = True
        elif opcode == CLOSE:
            self._finish_close(payload)

    def _finish_close(self, payload: bytes) -> None:
        if not payload:
            self._end(NO_STATUS, "", clean=True)
            return
        code = int.from_bytes(payload[:2])
        if len(payload) == 1 or not (code in _CLOSE_CODES or 3000 <= code <= 4999):  # noqa: PLR2004
            self._end(PROTOCOL_ERROR, "close code not allowed")
            return
        try:
            reason = payload[2:].decode()
        except UnicodeDecodeError:
            self._end(INVALID_TEXT, "close reason is not UTF-8")
            return
        self._end(code, reason, clean=True)
