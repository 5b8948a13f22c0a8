"""Streamed bodies of routes, through the real edge and the real framework."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import attrs
import pytest
import trio
import trio.testing
from quart import Blueprint

from relayd.edge.body import BodyPolicy
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.forms import Form
from relayd.routes.toolkit.protection import exempt
from relayd.routes.toolkit.streamed import take_part
from relayd.routes.toolkit.wiring import EXTENSION, Wiring
from tests.edge.caller import SETTINGS, Caller, call, opened_door
from tests.routes.selling import FakeSeller
from tests.routes.world import World

if TYPE_CHECKING:
    from relayd.edge.asgi import App

MIB = 2**20


class Taken(Form):
    """How much came."""

    count: int


def uploads(seconds_each_mib: float) -> Blueprint:
    """A route that takes what is sent as slowly as this."""
    blueprint = Blueprint("uploads", __name__)

    @blueprint.post("/upload")
    @exempt("a test's")
    @described(
        Topic.SERVICE,
        gives={200: Answer("All came.", Taken)},
        takes=Body(None, parsed=False, policy=BodyPolicy(8 * MIB, 5, streamed=True)),
    )
    async def upload() -> Taken:
        count = 0
        while part := await take_part():
            count += len(part)
            if count % MIB < len(part):
                await trio.sleep(seconds_each_mib)
        return Taken(count=count)

    return blueprint


@asynccontextmanager
async def calling(world: World, count: int = 5) -> AsyncIterator[list[Caller]]:
    """So many connections to its app."""
    app = world.app
    async with (
        opened_door(cast("App", app), SETTINGS, bodies=app.body_rules) as door,
        trio.open_nursery() as nursery,
    ):
        yield [call(door, nursery, lockstep=True) for _ in range(count)]
        nursery.cancel_scope.cancel()


def head(path: str, length: int, more: str = "") -> bytes:
    """Of a request with a body."""
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{more}\r\n".encode()


async def test_an_upload(autojump_clock: trio.testing.MockClock) -> None:
    """A route may take a body that is slower to digest than any request may last."""
    world = World(own_app=True)
    world.app.register_blueprint(uploads(20))
    async with calling(world) as (caller, *_), trio.open_nursery() as nursery:
        nursery.start_soon(caller.send, head("/upload", 8 * MIB) + bytes(8 * MIB))
        status, _, body = await caller.response(method="POST")
        assert (status, body) == (200, b'{"count":8388608}')
        assert trio.current_time() == 160


@pytest.mark.parametrize(
    ("length", "status", "code"),
    [(8 * MIB + 1, 413, b"body_too_large"), (8 * MIB, 408, b"request_timeout")],
)
async def test_what_is_refused(
    autojump_clock: trio.testing.MockClock, length: int, status: int, code: bytes
) -> None:
    """Too large or too slow: the answer has the same shape as every refusal."""
    world = World(own_app=True)
    world.app.register_blueprint(uploads(0))
    async with calling(world) as (caller, *_):
        await caller.send(head("/upload", length))
        got, _, body = await caller.response(method="POST")
        assert (got, code in body) == (status, True)


async def test_who_leaves(autojump_clock: trio.testing.MockClock) -> None:
    """A client that leaves in the middle ends its view, and nothing is logged as a fault."""
    world = World(own_app=True)
    world.app.register_blueprint(uploads(0))
    async with calling(world) as (caller, *_):
        await caller.send(head("/upload", MIB) + b"x")
        await caller.stream.aclose()
        await trio.sleep(1)


async def test_under_another_server() -> None:
    """Without the edge's extension the framework's own body is read."""
    world = World(own_app=True)
    world.app.register_blueprint(uploads(0))
    response = await world.ask("/upload", "POST", data=bytes(MIB))
    assert await response.get_json() == {"count": MIB}


def selling(world: World) -> FakeSeller:
    """Let this one sell."""
    wiring: Wiring = world.app.extensions[EXTENSION]
    seller = FakeSeller()
    services = attrs.evolve(wiring.services, shop=seller)
    world.app.extensions[EXTENSION] = attrs.evolve(wiring, services=services)
    return seller


async def test_an_unsigned_webhook_is_not_read(autojump_clock: trio.testing.MockClock) -> None:
    """The refusal comes before the body does."""
    world = World()
    selling(world)
    async with calling(world) as (caller, *_):
        await caller.send(head("/webhooks/stripe", MIB))
        status, _, body = await caller.response(method="POST")
        assert (status, b"bad_signature" in body) == (400, True)
        assert trio.current_time() < 1


async def test_webhooks_are_read_by_turns(autojump_clock: trio.testing.MockClock) -> None:
    """Four bodies are read at a time; the fifth sender waits, and has its turn then."""
    world = World()
    seller = selling(world)
    signed = f"Stripe-Signature: t=1,v1={'0' * 64}\r\n"
    async with calling(world) as callers:
        for caller in callers[:4]:
            await caller.send(head("/webhooks/stripe", 2, signed) + b"{")
        async with trio.open_nursery() as nursery:
            await trio.testing.wait_all_tasks_blocked()
            fifth = callers[4]
            await fifth.send(head("/webhooks/stripe", 2, signed) + b"{}")
            await trio.sleep(5)
            assert seller.asked == []
            nursery.start_soon(callers[0].send, b"}")
            assert (await fifth.response(method="POST"))[0] == 200
            assert len(seller.asked) == 2


async def test_gathered_in_time(autojump_clock: trio.testing.MockClock) -> None:
    """A webhook that trickles is given up after its seconds, however steadily it comes."""
    world = World()
    selling(world)
    signed = f"Stripe-Signature: t=1,v1={'0' * 64}\r\n"
    async with calling(world) as (caller, *_), trio.open_nursery() as nursery:
        await caller.send(head("/webhooks/stripe", MIB, signed))
        nursery.start_soon(lambda: caller.send_until_cut(bytes(65_536), every=4))
        status, _, body = await caller.response(method="POST")
        assert (status, trio.current_time()) == (408, 10)
        assert b"request_timeout" in body
        nursery.cancel_scope.cancel()
