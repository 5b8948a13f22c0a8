"""GET /account/events: the credit as it changes, and when that ends. On a mock clock."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any
from uuid import UUID

import attrs
import pytest
import trio
import trio.testing

from relayd.events.credit import Credit
from relayd.events.hub import Hub
from relayd.events.live import LiveCredit
from relayd.identity import Credential, CredentialKind, Principal
from relayd.quotas.counters import Counters
from relayd.routes.toolkit.event_stream import HEARTBEAT, LASTING_SECONDS
from relayd.routes.views.accounts.credit_stream import ENDED, CreditStream
from tests.fakes.credit import MemoryCredit
from tests.routes.world import World, refusal

ADA = Principal.signed_in(UUID(int=1), UUID(int=10))


@attrs.define(eq=False)
class Page:
    """A browser that reads whatever comes, with the time of each piece."""

    hub: Hub = attrs.field(factory=lambda: Hub(told=True))
    places: int = 8
    quotas: Counters = attrs.field(factory=Counters)
    credit: MemoryCredit = attrs.field(factory=MemoryCredit)
    pieces: list[tuple[float, bytes]] = attrs.field(factory=list)
    over_at: float | None = None

    async def read(self) -> None:
        """Until the stream ends."""
        live = LiveCredit(self.hub, self.credit, self.quotas, self.places)
        async with CreditStream(live, ADA, "192.0.2.1") as stream:
            async for piece in stream:
                self.pieces.append((trio.current_time(), piece))
        self.over_at = trio.current_time()

    def change(self, balance_ms: int, sessions: int = 1) -> None:
        """What the database would tell."""
        self.credit.credit = Credit(balance_ms, sessions)
        self.hub.credit_changed(ADA.user_id)

    @property
    def told(self) -> list[tuple[float, float]]:
        """When which balance was told, in seconds."""
        return [
            (time, json.loads(piece.split(b"data: ")[1])["seconds_remaining"])
            for time, piece in self.pieces
            if piece.startswith(b"event: credit\n")
        ]


@asynccontextmanager
async def reading(page: Page) -> AsyncIterator[trio.Nursery]:
    """The page reads beside the test, until the test is done with it."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(page.read)
        await trio.testing.wait_all_tasks_blocked()
        yield nursery
        nursery.cancel_scope.cancel()


async def test_first_and_changes(autojump_clock: trio.testing.MockClock) -> None:
    """The credit is told at once, and again when it changed."""
    page = Page()
    async with reading(page):
        await trio.sleep(5)
        page.change(60_000)
        await trio.sleep(1)
    assert page.told == [(0, 61.5), (5, 60.0)]
    assert page.pieces[1][1] == (
        b'event: credit\ndata: {"seconds_remaining":60,"minutes_remaining":1,'
        b'"live":true,"sessions":1,"frozen":false}\n\n'
    )
    assert page.credit.reads == [(0, True), (5, False)]


async def test_coalesced(autojump_clock: trio.testing.MockClock) -> None:
    """A hundred changes a second are four readings, and the last one is told."""
    page = Page()
    async with reading(page):
        await trio.sleep(1)
        for number in range(100):
            page.change(60_000 - number)
            await trio.sleep(0.01)
        await trio.sleep(1)
    assert len(page.told) == 1 + 4 + 1
    assert page.told[-1][1] == 59.901
    times = [time for time, _ in page.told]
    assert all(later - sooner >= 0.25 for sooner, later in pairwise(times))


async def test_nothing_new(autojump_clock: trio.testing.MockClock) -> None:
    """What is as it was is not told again."""
    page = Page()
    async with reading(page):
        await trio.sleep(1)
        page.hub.anything_changed()
        await trio.sleep(1)
    assert len(page.pieces) == 1


async def test_heartbeat_and_end(autojump_clock: trio.testing.MockClock) -> None:
    """Every fifteen seconds there is a sign of life, and within a minute it ends by itself."""
    page = Page()
    await page.read()
    assert [time for time, piece in page.pieces if piece == HEARTBEAT] == [15, 30, 45]
    assert page.over_at == LASTING_SECONDS < 60
    assert len(page.hub) == 0


async def test_nobody_tells(autojump_clock: trio.testing.MockClock) -> None:
    """While the database can't be listened to, the credit is looked at with each heartbeat."""
    page = Page(hub=Hub(told=False))
    async with reading(page):
        await trio.sleep(1)
        page.credit.credit = Credit(30_000, 1)
        await trio.sleep(15)
    assert page.told == [(0, 61.5), (15, 30.0)]


@pytest.mark.parametrize("how", ["sign-in", "drain"])
async def test_ended(how: str, autojump_clock: trio.testing.MockClock) -> None:
    """A sign-in that ends, or a daemon that drains, ends the stream at once, and says so."""
    page = Page()
    async with reading(page):
        await trio.sleep(7)
        page.hub.credential_ended(Credential(CredentialKind.SIGN_IN, UUID(int=11)))
        await trio.sleep(1)
        assert page.over_at is None
        if how == "sign-in":
            page.hub.credential_ended(Credential(CredentialKind.SIGN_IN, UUID(int=10)))
        else:
            page.hub.close()
        await trio.testing.wait_all_tasks_blocked()
        assert page.pieces[-1] == (8, ENDED)
        assert page.over_at == 8
    assert len(page.hub) == 0


@pytest.mark.parametrize("problem", ["outage", "nobody"])
async def test_no_credit_to_tell(problem: str, autojump_clock: trio.testing.MockClock) -> None:
    """Without a database, or for a user who is gone, it ends; the browser asks again."""
    page = Page()
    async with reading(page):
        await trio.sleep(1)
        page.credit.reachable = problem != "outage"
        page.credit.credit = None
        page.hub.credit_changed(ADA.user_id)
        await trio.testing.wait_all_tasks_blocked()
        assert page.over_at == 1
    assert len(page.hub) == 0


async def test_gone_browser(autojump_clock: trio.testing.MockClock) -> None:
    """A browser that goes away leaves nothing behind."""
    page = Page()
    async with reading(page) as nursery:
        assert len(page.hub) == 1
        nursery.cancel_scope.cancel()
        await trio.lowlevel.checkpoint()
    assert len(page.hub) == 0


def live(**limits: Any) -> LiveCredit:
    """What a route needs, with limits of choice."""
    return LiveCredit(Hub(told=True), MemoryCredit(), **limits)


async def test_route(autojump_clock: trio.testing.MockClock) -> None:
    """With a bearer token it is a stream of events that nobody stores."""
    world = World(live_credit=live())
    pair = await world.register()
    response = await world.ask("/account/events", token=pair["token"])
    assert response.status_code == 200
    assert response.content_type == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    body = await response.get_data(as_text=False)
    assert body.startswith(b"event: credit\n")
    assert body.count(HEARTBEAT) == 3
    # Longer than any other answer may take.
    assert trio.current_time() == LASTING_SECONDS


async def test_head() -> None:
    """Who asks only for the head gets only that."""
    world = World(live_credit=live())
    pair = await world.register()
    response = await world.ask("/account/events", "HEAD", token=pair["token"])
    assert response.status_code == 200
    assert response.content_type.startswith("text/event-stream")


@pytest.mark.parametrize("limits", [{"per_user_max": 0}, {"in_all_max": 0}, None])
async def test_no_room(limits: dict[str, int] | None) -> None:
    """Too many streams, of one user or in all, are refused with a time to try again."""
    world = World(live_credit=None if limits is None else live(**limits))
    pair = await world.register()
    response = await world.ask("/account/events", token=pair["token"])
    assert await refusal(response) == (429, "too_many_streams")
    assert int(response.headers["Retry-After"]) > 0


async def test_draining() -> None:
    """A daemon that goes down says that, and to come again at once: there is no lack of room."""
    live_credit = live()
    world = World(live_credit=live_credit)
    pair = await world.register()
    live_credit.hub.close()
    response = await world.ask("/account/events", token=pair["token"])
    assert await refusal(response) == (503, "server_draining")
    assert response.headers["Retry-After"] == "1"


async def test_the_last_place(autojump_clock: trio.testing.MockClock) -> None:
    """Of two that saw the last place one gets it, the other's stream ends at once."""
    hub, quotas = Hub(), Counters()
    one = Page(hub=hub, places=1, quotas=quotas)
    other = Page(hub=hub, places=1, quotas=quotas)
    async with reading(one):
        await other.read()
        assert other.pieces == []
        assert len(hub) == 1
