"""What RFC 6455 asks of either end, case by case, in the order of Autobahn's test suite.

A case is what a peer sends, and what has to come of it: messages, pongs, the close code of the
answer. Frames are made for the peer's role, so that each case is a client's and a server's.
"""

import struct
from collections.abc import Callable, Iterator

import attrs

from tests.websocket.wire import frame

__all__ = ["CASES", "MESSAGE_BYTES", "TEXT_BYTES", "Case"]

MESSAGE_BYTES = 200_000
TEXT_BYTES = 100_000

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

# With the peer's key, empty where it is a server.
Wire = Callable[[bytes], bytes]


@attrs.frozen
class Case:
    """``code``: of the close frame that answers; None where the connection goes on."""

    name: str
    wire: Wire
    messages: tuple[str | bytes, ...] = ()
    pongs: tuple[bytes, ...] = ()
    code: int | None = None


def one(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> Wire:
    """One frame; ``rsv`` are the three reserved bits."""

    def make(key: bytes) -> bytes:
        made = frame(opcode, payload, fin=fin, key=key)
        return bytes([made[0] | rsv << 4]) + made[1:]

    return make


def row(*wires: Wire) -> Wire:
    """Several frames, one after the other."""
    return lambda key: b"".join(wire(key) for wire in wires)


def headed(head: bytes) -> Wire:
    """A frame with this head, mask bit left out, and no payload."""

    def make(key: bytes) -> bytes:
        return bytes([head[0], head[1] | (0x80 if key else 0)]) + head[2:] + key

    return make


def _sizes() -> Iterator[Case]:
    for size in (0, 1, 125, 126, 127, 128, 65_535, 65_536, TEXT_BYTES):
        text = "*" * size
        yield Case(f"1.1 text of {size}", one(TEXT, text.encode()), (text,))
        yield Case(f"1.2 binary of {size}", one(BINARY, b"\xfe" * size), (b"\xfe" * size,))


def _pings() -> Iterator[Case]:
    for payload in (b"", b"Hello", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125):
        yield Case(f"2 ping of {len(payload)}", one(PING, payload), pongs=(payload,))
    yield Case("2.5 ping of 126", one(PING, bytes(126)), code=1002)
    yield Case("2.7 pong nobody asked for", one(PONG, b"x"))
    yield Case("2.9 pong, then ping", row(one(PONG, b"x"), one(PING, b"y")), pongs=(b"y",))
    several = tuple(b"payload-%d" % n for n in range(10))
    yield Case("2.10 ten pings", row(*(one(PING, p) for p in several)), pongs=several)


def _reserved() -> Iterator[Case]:
    for bits in range(1, 8):
        for opcode in (TEXT, BINARY, PING, PONG, CLOSE):
            yield Case(f"3 reserved bits {bits} in {opcode}", one(opcode, rsv=bits), code=1002)
    good = one(TEXT, b"good")
    mixed = row(good, one(TEXT, b"bad", rsv=4), one(PING))
    yield Case("3.2 after a good one", mixed, ("good",), code=1002)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield Case(f"4 opcode {opcode}", row(good, one(opcode, b"x")), ("good",), code=1002)
    for opcode in (TEXT, PING):
        yield Case(f"5 length of {opcode} in two bytes", headed(bytes([0x80 | opcode, 126, 0, 5])),
                   code=1002)  # fmt: skip
    long = bytes([0x82, 127]) + struct.pack("!Q", 65_535)
    yield Case("5 length in eight bytes that fits into two", headed(long), code=1002)
    negative = bytes([0x82, 127]) + struct.pack("!Q", 1 << 63)
    yield Case("5 length with the highest bit", headed(negative), code=1002)


def _fragments() -> Iterator[Case]:
    def parts(*payloads: bytes, opcode: int = TEXT) -> list[Wire]:
        last = len(payloads) - 1
        return [one(0 if n else opcode, p, fin=n == last) for n, p in enumerate(payloads)]

    yield Case("5.1 ping in fragments", row(one(PING, b"a", fin=False), one(0, b"b")), code=1002)
    yield Case("5.2 pong in fragments", row(one(PONG, b"a", fin=False), one(0, b"b")), code=1002)
    yield Case("5.3 text in two", row(*parts(b"frag", b"ment")), ("fragment",))
    yield Case("5.4 binary in three", row(*parts(b"a", b"", b"c", opcode=BINARY)), (b"ac",))
    first, last = parts(b"frag", b"ment")
    ping = one(PING, b"in between")
    yield Case("5.6 ping between", row(first, ping, last), ("fragment",), (b"in between",))
    yield Case("5.9 continuation of nothing", row(one(0, b"x"), one(TEXT, b"y")), code=1002)
    yield Case("5.10 continuation of nothing, not last", one(0, b"x", fin=False), code=1002)
    yield Case("5.15 continuation after a whole one", row(first, last, one(0, b"x")), ("fragment",),
               code=1002)  # fmt: skip
    yield Case("5.18 message in a message", row(first, one(TEXT, b"x")), code=1002)
    yield Case("5.19 five and two pings", row(
        *parts(b"1", b"2", b"3", b"4", b"5")[:2], ping, one(0, b"3", fin=False), ping,
        one(0, b"4", fin=False), one(0, b"5")), ("12345",), (b"in between", b"in between"),
    )  # fmt: skip
    yield Case("5.20 nothing but empty ones", row(*parts(b"", b"", b"")), ("",))
    yield Case("5.21 close in a message", row(first, one(CLOSE, b"\x03\xe8")), code=1000)


_VALID = (
    "κόσμε", "Hello-µ@ßöäüàá-UTF-8!!", "\u0000", "\u0080", "\u0800", "\U00010000", "\u007f",
    "\u07ff", "\ufffd", "\ud7ff", "\ue000", "\U0010ffff", "\ufffe", "\uffff", "𐍈",
)  # fmt: skip
_INVALID = (
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",
    b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xf7\xbf\xbf\xbf", b"\xf4\x90\x80\x80",
    b"\x80", b"\xbf", b"\x80\xbf\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf",
    b"\xc1\xbf", b"\xed\xa0\x80", b"\xed\xaf\xbf", b"\xed\xb0\x80", b"\xed\xbf\xbf", b"\xfe",
    b"\xff", b"\xfe\xfe\xff\xff", b"\xe2\x82", b"\xc3", b"\xf0\x90\x8d", b"x" * 200 + b"\xff",
)  # fmt: skip


def _text() -> Iterator[Case]:
    for text in _VALID:
        encoded = text.encode()
        yield Case(f"6 valid {text!a}", one(TEXT, encoded), (text,))
        split = [one(0 if n else TEXT, encoded[n : n + 1], fin=False) for n in range(len(encoded))]
        yield Case(f"6 valid {text!a}, byte by byte", row(*split, one(0)), (text,))
    for data in _INVALID:
        yield Case(f"6 invalid {data[-8:]!r}", one(TEXT, data), code=1007)
    bad = one(TEXT, b"fine \xff", fin=False)
    yield Case("6.4 invalid before the message ends", bad, code=1007)
    torn = row(one(TEXT, b"\xe2\x82", fin=False), one(0, b"x"))
    yield Case("6.4 a character torn", torn, code=1007)
    yield Case("6 any bytes as binary", one(BINARY, b"\xff\xfe\x00"), (b"\xff\xfe\x00",))


def _closes() -> Iterator[Case]:
    def closing(code: int, reason: bytes = b"") -> Wire:
        return one(CLOSE, struct.pack("!H", code) + reason)

    yield Case("7.1 text, then close", row(one(TEXT, b"x"), closing(1000)), ("x",), code=1000)
    yield Case("7.1.3 ping after the close", row(closing(1000), one(PING, b"x")), code=1000)
    yield Case("7.1.4 text after the close", row(closing(1000), one(TEXT, b"x")), code=1000)
    yield Case("7.3.1 without a code", one(CLOSE), code=1005)
    yield Case("7.3.2 half a code", one(CLOSE, b"\x03"), code=1002)
    yield Case("7.3.5 with the longest reason", closing(1000, b"*" * 123), code=1000)
    yield Case("7.3.6 with a reason too long", closing(1000, b"*" * 124), code=1002)
    yield Case("7.5.1 a reason that is no text", closing(1000, b"\xce\xed\xa0\x80"), code=1007)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        yield Case(f"7.7 code {code}", closing(code), code=code)
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535):
        yield Case(f"7.9 code {code}", closing(code), code=1002)
    yield Case("7.1 close in fragments", one(CLOSE, b"\x03\xe8", fin=False), code=1002)


def _limits() -> Iterator[Case]:
    yield Case("9 text over its limit", one(TEXT, b"*" * (TEXT_BYTES + 1)), code=1009)
    yield Case("9 binary over its limit", one(BINARY, bytes(MESSAGE_BYTES + 1)), code=1009)
    at_it = row(
        one(BINARY, bytes(MESSAGE_BYTES // 2), fin=False), one(0, bytes(MESSAGE_BYTES // 2))
    )
    yield Case("9 fragments at the limit", at_it, (bytes(MESSAGE_BYTES),))
    over = row(one(BINARY, bytes(MESSAGE_BYTES), fin=False), one(0, b"x"))
    yield Case("9 fragments over it", over, code=1009)
    endless = row(one(BINARY, fin=False), *[one(0, fin=False)] * 5000)
    yield Case("9 fragments without end", endless, code=1009)
    announced = headed(bytes([0x82, 127]) + struct.pack("!Q", 400 << 20))
    yield Case("9 400 MiB, announced", announced, code=1009)
    hundred = tuple(b"%d" % n * 60 for n in range(100))
    yield Case("9 a hundred in a row", row(*(one(BINARY, m) for m in hundred)), hundred)


CASES = (
    *_sizes(), *_pings(), *_reserved(), *_fragments(), *_text(), *_closes(), *_limits(),
    Case("5.1 masked by a server, or bare by a client",
         lambda key: frame(TEXT, b"x", key=b"" if key else b"\1\2\3\4"), code=1002),
)  # fmt: skip
