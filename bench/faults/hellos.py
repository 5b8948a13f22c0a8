"""Replayed TLS hellos against a key that is slow to sign with, beside paying streams over TLS.

Each hello has the daemon sign once, for a client that sends recorded bytes and computes nothing.
"""

import socket
import ssl
import struct
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import trio

from bench.certificate import RSA_4096, make_certificate
from bench.faults.paying import Paying, paying, tell
from bench.faults.verdict import Verdict
from relayd.config import Server

__all__ = ["Attackers", "recorded_hello", "run"]

_SECONDS: Final = 10
_QUICK_SECONDS: Final = 4
# Of one address, as it was seen to take 94 % of a core and 42 ms.
_PER_SECOND: Final = 196
# Signed for within a second, at most: what the configuration allows, and the second's edges.
_BOUND: Final = Server().connections_per_second
_ANSWER_BYTES: Final = 1024
_ANSWER_SECONDS: Final = 5
_RESET: Final = struct.pack("ii", 1, 0)


def recorded_hello() -> bytes:
    """What a client says first; the same bytes again and again are good enough."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(heard, said, server_hostname="relay.example.org")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return said.read()
    raise AssertionError("a handshake without a server")


@attrs.define(eq=False)
class Attackers:
    """So many hellos a second, from these addresses in turn. ``seen``: what became of them."""

    port: int
    addresses: Sequence[str]
    hello: bytes = attrs.field(factory=recorded_hello)
    seen: Counter[str] = attrs.field(factory=Counter)

    async def go_on(self, per_second: float) -> None:
        """Until cancelled, at this pace whatever the daemon answers."""
        due = trio.current_time()
        async with trio.open_nursery() as nursery:
            while True:
                address = self.addresses[self.seen["sent"] % len(self.addresses)]
                self.seen["sent"] += 1
                nursery.start_soon(self._replay, address)
                due += 1 / per_second
                await trio.sleep_until(due)

    async def _replay(self, address: str) -> None:
        try:
            stream = await trio.open_tcp_stream("127.0.0.1", self.port, local_address=address)
            async with stream:
                # No port of ours waits for the rest of a connection that nobody wants.
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                with trio.move_on_after(_ANSWER_SECONDS):
                    await stream.send_all(self.hello)
                    answer = await stream.receive_some(_ANSWER_BYTES)
                    self.seen["signed for" if answer else "refused"] += 1
        except (OSError, trio.BrokenResourceError):
            self.seen["refused"] += 1


async def run(verdict: Verdict) -> None:
    """From one address, which is bounded; then from eight: together they take their turns."""
    with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
        signing = await make_certificate(Path(directory), RSA_4096)
        # As an operator has it: what bounds the attack is the default.
        server = {
            "tls_certificate": str(signing.certificate),
            "tls_key": str(signing.key),
            "connections_per_second": _BOUND,
        }
        async with paying(verdict, {"server": server}, str(signing.certificate)) as streams:
            await _endure(verdict, streams, "nobody", None)
            one = Attackers(streams.daemon.port, ["127.0.5.1"])
            seconds = await _endure(verdict, streams, "one address", one)
            signed = round(one.seen["signed for"] / seconds, 1)
            verdict.at_most("one address: signed for a second", signed, _BOUND * 1.2)
            eight = [f"127.0.6.{number}" for number in range(1, 9)]
            attackers = Attackers(streams.daemon.port, eight)
            await _endure(verdict, streams, "eight addresses", attackers)


async def _endure(
    verdict: Verdict, streams: Paying, name: str, attackers: Attackers | None
) -> float:
    """The delays of words for so many seconds of it."""
    seconds = verdict.sized(_SECONDS, _QUICK_SECONDS)
    async with trio.open_nursery() as nursery:
        if attackers is not None:
            nursery.start_soon(attackers.go_on, _PER_SECOND)
        await streams.begin()
        await trio.sleep(seconds)
        tell(verdict, name, await streams.delays())
        nursery.cancel_scope.cancel()
    if attackers is not None:
        verdict.note(f"{name}: hellos", dict(attackers.seen))
    return seconds
