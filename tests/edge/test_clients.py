"""What one client may have at once, behind a proxy too."""

from typing import Any

import attrs
import trio
import trio.testing

from relayd.edge.addresses import Proxies
from relayd.edge.clients import ARRIVALS, Clients, Stay
from relayd.quotas.counters import Counters
from tests import defaults
from tests.edge.caller import PEER, Log, SinkApp, call, opened_door

BEHIND = defaults.edge(connections_per_address=1, proxies=Proxies(("203.0.113.0/24",)))
ADA = "X-Forwarded-For: 198.51.100.7\r\n"
BOB = "X-Forwarded-For: 198.51.100.8\r\n"


def get(path: str, header: str) -> bytes:
    """A request that a proxy passes on."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode()


@attrs.define(eq=False)
class Slow:
    """Answers when it is told to."""

    go: trio.Event = attrs.field(factory=trio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["path"] == "/slow":
            await self.go.wait()
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


async def test_requests_behind_a_proxy(autojump_clock: trio.testing.MockClock) -> None:
    """A proxy's connections are everybody's: a request counts for the client it is believed of."""
    app = Slow()
    async with opened_door(app, BEHIND) as door, trio.open_nursery() as nursery:
        slow, second, third = (call(door, nursery) for _ in range(3))
        await slow.send(get("/slow", ADA))
        await trio.testing.wait_all_tasks_blocked()
        await second.send(get("/", ADA))
        status, _, body = await second.response()
        assert status == 429
        assert b'"too_many_connections"' in body
        await third.send(get("/", BOB))
        assert (await third.response())[0] == 200
        app.go.set()
        assert (await slow.response())[0] == 200
        # On the connection that was told no: it is the proxy's, and goes on.
        await second.send(get("/", ADA))
        assert (await second.response())[0] == 200
        nursery.cancel_scope.cancel()


async def test_websockets_behind_a_proxy(autojump_clock: trio.testing.MockClock) -> None:
    """So does a WebSocket, from its upgrade to its end."""
    app = SinkApp(Log().receive_all)
    async with opened_door(app, BEHIND) as door, trio.open_nursery() as nursery:
        first, second, other = (call(door, nursery) for _ in range(3))
        await first.open(ADA)
        upgrade = get("/ws", ADA + "Upgrade: websocket\r\nConnection: Upgrade\r\n")
        key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        await second.send(upgrade[:-2] + key)
        assert (await second.response())[0] == 429
        await other.open(BOB)
        await first.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        await call(door, nursery).open(ADA)
        nursery.cancel_scope.cancel()


async def test_what_a_proxy_asks_by_itself() -> None:
    """Its own requests, without a header, are as free as its connections."""
    clients = Clients(BEHIND, Counters())
    scope: dict[str, Any] = {"client": PEER.client, "headers": []}
    async with clients.request(scope) as one, clients.request(scope) as two:
        assert (one, two) == (True, True)
    assert len(clients.places_of(PEER.address)) == 1
    assert len(clients.places_of("2001:db8::1")) == 4


async def test_new_connections(autojump_clock: trio.testing.MockClock) -> None:
    """So many a second from an address, twice that from a /56; proxies bring what comes."""
    clients = Clients(attrs.evolve(BEHIND, connections_per_second=2), Counters())

    async def arrive(addresses: list[str]) -> list[bool]:
        admitted = []
        for address in addresses:
            stay = Stay(clients)
            admitted.append(await stay.begin(address) != ARRIVALS)
            stay.end()
        return admitted

    assert await arrive(["192.0.2.1"] * 3 + ["192.0.2.2"]) == [True, True, False, True]
    walked = [f"2001:db8:0:{number:x}::1" for number in range(6)]
    assert await arrive(walked) == [True] * 4 + [False] * 2
    assert all(await arrive([PEER.address, ""] * 5))
    await trio.sleep(1)
    assert await arrive(["192.0.2.1"]) == [True]
