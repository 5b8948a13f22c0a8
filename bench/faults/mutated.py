"""Requests that end other servers, and 20,000 handshakes and frames that went wrong."""

import contextlib
import json
import random
import socket
import struct

import trio

from bench.faults.bystanders import bystanders
from bench.faults.client import MASK
from bench.faults.http import request
from bench.faults.verdict import Verdict
from bench.faults.world import world
from bench.wire import BINARY, TEXT, frame, upgrade_request

__all__ = ["run"]

_EACH = 10_000
_QUICK_EACH = 500
_WORKERS = 16
_ANSWER_SECONDS = 5
_SEED = 20_000

_UPGRADE = upgrade_request("relayd.example", "/ws/transcribe")
_HEAD = _UPGRADE.removesuffix(b"\r\n")
_FRAME = frame(TEXT, b'{"type":"keepalive"}', MASK)
# The requests that end stock Hypercorn or trio-websocket as a server.
_KNOWN = {
    "one byte after the head": _UPGRADE + b"\x82",
    "a legal frame before the 101": _UPGRADE + _FRAME,
    "an upgrade with a chunked body": _HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "an upgrade with a body of 5 bytes": _HEAD + b"Content-Length: 5\r\n\r\nhello",
    "a subprotocol \\xff": _HEAD + b"Sec-WebSocket-Protocol: \xff\r\n\r\n",
    "an extension \\xff": _HEAD + b"Sec-WebSocket-Extensions: \xff\r\n\r\n",
    "a Host that isn't ASCII": _UPGRADE.replace(b"relayd.example", b"relayd.ex\xe4mple"),
    "a first message that makes a handler fail": _UPGRADE
    + frame(TEXT, b'{"type":"auth","token":"' + b"[" * 60_000 + b'"}', MASK),
}
_MESSAGES = (
    json.dumps({"type": "auth", "token": "none", "config": {"model": "nova-3"}}).encode(),
    b'{"type":"stop"}',
    bytes(range(256)) * 4,
)


async def run(verdict: Verdict) -> None:
    """All of it beside sessions of other people."""
    each = verdict.sized(_EACH, _QUICK_EACH)
    source = random.Random(_SEED)  # noqa: S311 - the same ones each time
    async with world() as here, here.daemon() as daemon:
        async with bystanders(verdict, here, daemon):
            for what, data in _KNOWN.items():
                await _send(daemon.port, data)
                status, _ = await request(daemon.port, "GET", "/health/live")
                verdict.equal(f"{what}: /health/live afterwards", status, 200)
            cases = [_mutate(_UPGRADE, source) for _ in range(each)]
            cases += [_UPGRADE + _mutate(_frames(source), source) for _ in range(each)]
            async with trio.open_nursery() as nursery:
                for number in range(_WORKERS):
                    nursery.start_soon(_send_all, daemon.port, cases[number::_WORKERS])
            verdict.note("mutated handshakes and frames sent", len(cases))
            status, _ = await request(daemon.port, "GET", "/health")
            verdict.equal("/health afterwards", status, 200)
        verdict.equal("rows at fault in the audit", await here.audited(), 0)


async def _send_all(port: int, cases: list[bytes]) -> None:
    for data in cases:
        await _send(port, data)


async def _send(port: int, data: bytes) -> None:
    """Send, and read whatever comes until the daemon ends it."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    # Close without TIME_WAIT, or the ports of this machine would run out.
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(trio.BrokenResourceError), trio.move_on_after(_ANSWER_SECONDS):
        await stream.send_all(data)
        await stream.send_eof()
        async for _ in stream:
            pass
    stream.socket.close()


def _frames(source: random.Random) -> bytes:
    frames = [
        frame(source.choice((TEXT, BINARY)), source.choice(_MESSAGES), MASK)
        for _ in range(source.randint(1, 3))
    ]
    return b"".join(frames)


def _mutate(data: bytes, source: random.Random) -> bytes:
    """One to four small accidents."""
    changed = bytearray(data)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(changed) + 1)
        match source.randrange(6):
            case 0:
                changed[at : at + 1] = bytes((source.randrange(256),))
            case 1:
                del changed[at : at + source.randint(1, 8)]
            case 2:
                changed[at:at] = source.randbytes(source.randint(1, 8))
            case 3:
                changed[at:at] = changed[at : at + source.randint(1, 40)]
            case 4:
                changed[at:at] = source.choice((b"\r\n", b"\0", b"\xff", b":", b"\r\n\r\n", b" "))
            case _:
                if at < len(changed):
                    changed[at] ^= 1 << source.randrange(8)
    return bytes(changed)
