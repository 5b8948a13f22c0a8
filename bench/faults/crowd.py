"""Hundreds of sockets of somebody who never says who they are, and what they take in memory."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import trio

from bench.daemon import Daemon, Sections
from bench.faults.bystanders import bystanders
from bench.faults.client import MASK, App, connect
from bench.faults.verdict import Verdict
from bench.faults.world import world
from bench.wire import BINARY, frame
from tests.stripe_standin import Account, StandInStripe
from tests.stripe_standin.records import Records

__all__ = ["run"]

_SOCKETS: Final = 400
_WARMING: Final = 20
_AT_ONCE: Final = 20
_PAGE_KIB: Final = 4
_CALM_SECONDS: Final = 3
_HOLD_SECONDS: Final = 2
_STRANGER_KIB: Final = 8
_CROWD_KIB: Final = 20_000
_KEY: Final = "sk_test_crowd"
# A message before auth, of the largest size that a session may send, less its last byte.
_MESSAGE_BYTES: Final = 262_144
_UNFINISHED: Final = frame(BINARY, bytes(_MESSAGE_BYTES), MASK)[:-1]
_BODY: Final = json.dumps({"padding": "x" * 1_000_000}).encode()
_SIGNATURE: Final = f"Stripe-Signature: t=1700000000,v1={'0' * 64}\r\n"


async def run(verdict: Verdict) -> None:
    """WebSockets before auth, then bodies for Stripe's webhook, with and without a signature."""
    async with world() as here, trio.open_nursery() as nursery:
        stripe = StandInStripe(Account(Records(seed="crowd")), _KEY)
        changes: Sections = {
            # Stripe sends nobody back; sales need to know where to.
            "server": {"public_url": "https://relay.example.org"},
            "limits": {"auth_seconds": 60},
            "stripe": {
                "api_key": _KEY,
                "api_url": await nursery.start(stripe.serve),
                "webhook_secrets": ["whsec_standin"],
            },
        }
        one_kib = {}
        # A daemon for each: memory that was given back is used again, and shows no growth.
        for name, message in {"silent": b"", "unfinished": _UNFINISHED}.items():
            async with here.daemon(changes) as daemon, bystanders(verdict, here, daemon):
                await _strangers(daemon, _WARMING, message)
                one_kib[name] = await _strangers(daemon, _SOCKETS, message) / _SOCKETS
        verdict.note("a silent WebSocket before auth, KiB", round(one_kib["silent"], 1))
        more_kib = one_kib["unfinished"] - one_kib["silent"]
        verdict.at_most("what an unfinished message adds", round(more_kib, 1), _STRANGER_KIB, "KiB")
        for name, header in {"unsigned": "", "wrongly signed": _SIGNATURE}.items():
            async with here.daemon(changes) as daemon, bystanders(verdict, here, daemon):
                await _webhooks(daemon, _WARMING, header)
                grown_kib = await _webhooks(daemon, _SOCKETS, header)
                verdict.at_most(f"memory of 400 {name} bodies", grown_kib, _CROWD_KIB, "KiB")
        nursery.cancel_scope.cancel()
        verdict.equal("rows at fault in the audit", await here.audited(), 0)


async def _strangers(daemon: Daemon, count: int, message: bytes) -> int:
    """Open so many, each with this to say; what they take once all are there."""
    before_kib = await _calm_kib(daemon)
    apps: list[App] = []

    async def open_one() -> None:
        app = await connect(daemon.port)
        apps.append(app)
        with trio.move_on_after(_HOLD_SECONDS):
            # The daemon reads only so much of it.
            await app.send(message)

    await _each(count, open_one)
    grown_kib = _resident_kib(daemon) - before_kib
    for app in apps:
        app.reset()
    return grown_kib


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
