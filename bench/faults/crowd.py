"""Hundreds of sockets of somebody who never says who they are, and what they take in memory."""

import json
import ssl
import struct
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import attrs
import trio

from bench.certificate import Certificate, make_certificate
from bench.daemon import Daemon, Sections
from bench.faults.bystanders import bystanders
from bench.faults.client import MASK
from bench.faults.verdict import Verdict
from bench.faults.world import World, world
from bench.wire import BINARY, frame, upgrade_request
from tests.stripe_standin import Account, StandInStripe
from tests.stripe_standin.records import Records

__all__ = ["Crowd", "run"]

_SOCKETS: Final = 1000
_BODIES: Final = 400
_QUICK_SOCKETS: Final = 400
_QUICK_BODIES: Final = 100
_WARMING: Final = 100
_AT_ONCE: Final = 50
_PAGE_KIB: Final = 4
_CALM_SECONDS: Final = 3
_HOLD_SECONDS: Final = 2
_STRANGER_KIB: Final = 8
# The message itself, and what the allocator makes of it.
_UNFINISHED_KIB: Final = 10
# Of which four bodies of 1 MB that are being read are a quarter.
_CROWD_KIB: Final = 20_000
_KEY: Final = "sk_test_crowd"
# The largest first message, less its last byte.
_UNFINISHED: Final = frame(BINARY, bytes(8192), MASK)[:-1]
_BODY: Final = json.dumps({"padding": "x" * 1_000_000}).encode()
_SIGNATURE: Final = f"Stripe-Signature: t=1700000000,v1={'0' * 64}\r\n"
_RESET: Final = struct.pack("ii", 1, 0)


@attrs.define(eq=False)
class Crowd:
    """Sockets that are opened and left alone. ``message``: what each says, None: not even hello."""

    daemon: Daemon
    message: bytes | None
    authority: Path | None = None
    sockets: list[trio.SocketStream] = attrs.field(factory=list)

    async def gather(self, count: int) -> float:
        """Open so many; what each takes, in KiB, once all are there."""
        before_kib = await _calm_kib(self.daemon)
        await _each(count, self._open)
        grown_kib = await _calm_kib(self.daemon) - before_kib
        for stream in self.sockets:
            stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _RESET)
            stream.socket.close()
        self.sockets.clear()
        return grown_kib / count

    async def _open(self) -> None:
        tcp = await trio.open_tcp_stream("127.0.0.1", self.daemon.port)
        self.sockets.append(tcp)
        if self.message is None:
            return
        stream: trio.abc.Stream = tcp
        if self.authority is not None:
            context = ssl.create_default_context(cafile=self.authority)
            stream = trio.SSLStream(tcp, context, server_hostname="127.0.0.1")
        await stream.send_all(upgrade_request(f"127.0.0.1:{self.daemon.port}", "/ws/transcribe"))
        head = bytes(await stream.receive_some(4096))
        assert b" 101 " in head, head
        with trio.move_on_after(_HOLD_SECONDS):
            # The daemon reads only so much of it.
            await stream.send_all(self.message)


async def run(verdict: Verdict) -> None:
    """Sockets before auth, over each wire; then bodies for Stripe's webhook, signed or not."""
    async with world() as here, trio.open_nursery() as nursery:
        with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
            signing = await make_certificate(Path(directory))
            await _strangers(verdict, here, signing)
        stripe = StandInStripe(Account(Records(seed="crowd")), _KEY)
        await _senders(verdict, here, await nursery.start(stripe.serve))
        nursery.cancel_scope.cancel()
        verdict.equal("rows at fault in the audit", await here.audited(), 0)


async def _strangers(verdict: Verdict, here: World, signing: Certificate) -> None:
    count = verdict.sized(_SOCKETS, _QUICK_SOCKETS)

    async def measured(message: bytes | None, authority: Path | None = None) -> float:
        # A daemon for each: memory that was given back is used again, and shows no growth.
        async with here.daemon(_patient(signing if authority else None)) as daemon:
            await Crowd(daemon, message, authority).gather(_WARMING)
            return round(await Crowd(daemon, message, authority).gather(count), 1)

    verdict.at_most("a socket that says nothing", await measured(None), _STRANGER_KIB, "KiB")
    silent = await measured(b"")
    verdict.at_most("a silent WebSocket before auth", silent, _STRANGER_KIB, "KiB")
    unfinished = await measured(_UNFINISHED)
    what = "what a first message of 8 KiB adds that isn't finished"
    verdict.at_most(what, round(unfinished - silent, 1), _UNFINISHED_KIB, "KiB")
    over_tls = await measured(b"", signing.certificate)
    verdict.note("a silent WebSocket before auth over TLS, KiB", over_tls)


def _patient(signing: Certificate | None) -> Sections:
    """Nobody's time is up before they were measured."""
    server: dict[str, object] = {"header_seconds": 60}
    if signing is not None:
        server |= {"tls_certificate": str(signing.certificate), "tls_key": str(signing.key)}
    return {"server": server, "limits": {"auth_seconds": 60}}


async def _senders(verdict: Verdict, here: World, stripe_url: str) -> None:
    count = verdict.sized(_BODIES, _QUICK_BODIES)
    changes: Sections = {
        # Stripe sends nobody back; sales need to know where to.
        "server": {"public_url": "https://relay.example.org"},
        "stripe": {
            "api_key": _KEY,
            "api_url": stripe_url,
            "webhook_secrets": ["whsec_standin"],
        },
    }
    for name, header in {"unsigned": "", "wrongly signed": _SIGNATURE}.items():
        async with here.daemon(changes) as daemon, bystanders(verdict, here, daemon):
            await _webhooks(daemon, _WARMING, header)
            grown_kib = await _webhooks(daemon, count, header)
            verdict.at_most(f"memory of {count} {name} bodies", grown_kib, _CROWD_KIB, "KiB")


async def _webhooks(daemon: Daemon, count: int, header: str) -> int:
    """Send so many bodies but for their last byte; the most that they took."""
    peak_kib = before_kib = await _calm_kib(daemon)
    head = (
        f"POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\n{header}"
        f"Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n\r\n"
    )

    async def send_one() -> None:
        nonlocal peak_kib
        async with await trio.open_tcp_stream("127.0.0.1", daemon.port) as stream:
            try:
                with trio.move_on_after(_HOLD_SECONDS):
                    await stream.send_all(head.encode() + _BODY[:-1])
                    await trio.sleep_forever()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            peak_kib = max(peak_kib, _resident_kib(daemon))

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(send_one)
    return peak_kib - before_kib


async def _each(count: int, job: Callable[[], Awaitable[None]]) -> None:
    """So many, some at a time."""
    for start in range(0, count, _AT_ONCE):
        async with trio.open_nursery() as nursery:
            for _ in range(min(_AT_ONCE, count - start)):
                nursery.start_soon(job)


async def _calm_kib(daemon: Daemon) -> int:
    await trio.sleep(_CALM_SECONDS)
    return _resident_kib(daemon)


def _resident_kib(daemon: Daemon) -> int:
    return int(Path(f"/proc/{daemon.pid}/statm").read_text().split()[1]) * _PAGE_KIB
