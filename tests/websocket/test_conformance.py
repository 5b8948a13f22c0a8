"""Every case of RFC 6455 that matters, against both roles, over memory, sockets and TLS."""

from pathlib import Path
from typing import Any

import pytest
import trio
from wsproto.events import CloseConnection, Pong

from relayd.websocket.farewell import WebSocketClosed
from relayd.websocket.role import Role
from tests.websocket.cases import CASES, Case
from tests.websocket.ends import Transport, both_roles, ends

NORMAL = b"\x03\xe8"


async def outcome(case: Case, role: Role, transport: Transport, step: int) -> Any:
    """What came of a case that was sent in pieces of this size: messages, pongs, close code."""
    messages: list[str | bytes] = []
    async with ends(role, transport) as (websocket, peer), trio.open_nursery() as nursery:

        async def receive() -> None:
            def take(message: str | bytes) -> bool:
                # Some are taken where they are read, the others returned.
                if len(messages) % 2:
                    messages.append(message)
                    return True
                return False

            try:
                while True:
                    messages.append(await websocket.receive(take))
            except WebSocketClosed:
                pass

        async def send() -> None:
            wire = case.wire(peer.key)
            if case.code is None:
                # Nothing was wrong, so an ordinary close is answered.
                wire += bytes([0x88, 0x82 if peer.key else 2]) + _masked(NORMAL, peer.key)
            try:
                for at in range(0, len(wire), step):
                    await peer.send(wire[at : at + step])
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass

        nursery.start_soon(receive)
        nursery.start_soon(send)
        with trio.fail_after(20):
            events = await peer.events()
        assert websocket.farewell is not None
        nursery.cancel_scope.cancel()
    pongs = tuple(bytes(event.payload) for event in events if isinstance(event, Pong))
    codes = [int(event.code) for event in events if isinstance(event, CloseConnection)]
    return tuple(messages), pongs, codes


def _masked(payload: bytes, key: bytes) -> bytes:
    return key + bytes(byte ^ key[n % 4] for n, byte in enumerate(payload)) if key else payload


def expected(case: Case) -> Any:
    """The same, as it should be."""
    return case.messages, case.pongs, [1000 if case.code is None else case.code]


@both_roles
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_case(case: Case, role: Role, autojump_clock: trio.testing.MockClock) -> None:
    """Sent at once, and byte by byte where it is short, it ends as the protocol says."""
    assert await outcome(case, role, Transport("memory"), 1 << 20) == expected(case)
    if len(case.wire(b"")) < 1000:
        assert await outcome(case, role, Transport("memory"), 1) == expected(case)


@pytest.mark.system
@both_roles
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("step", [1 << 20, 1000])
async def test_all_cases_over_sockets(role: Role, tls: bool, step: int, certificate: Path) -> None:
    """The pump, with and without TLS, makes the same of every case."""
    transport = Transport("socket", certificate if tls else None)
    failed = []
    for case in CASES:
        found = await outcome(case, role, transport, step)
        if found != expected(case):
            failed.append((case.name, found))
    assert not failed
