"""Who may go on with a session, and where it is looked for."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import trio
from trio.testing import MockClock

from relayd.identity import Principal, Scope
from relayd.session.dialect import Resume
from relayd.session.session import Session
from tests.session.returning import Returning
from tests.session.world import World


@pytest.fixture
async def app(autojump_clock: MockClock) -> AsyncIterator[Returning]:
    """An app whose session is ready; all that it started is over when the test is."""
    async with trio.open_nursery() as nursery:
        returning = Returning(World(), nursery)
        await returning.connect()
        yield returning


async def test_another_user_can_not_come_back(app: Returning, autojump_clock: MockClock) -> None:
    """A token is good for whom it was given to: for anybody else it opens a session like any."""
    host = app.world.user_id
    app.stranger = app.world.ledger.add_user(uuid4())
    app.world.ledger.grant(app.stranger.user_id, 60_000)
    back = await app.come_back()
    assert back.types()[0] == "ready"
    assert len(app.world.ledger.open_sessions(host)) == 1
    for client in app.clients:
        client.say(type="stop")
    await trio.sleep(1)
    app.world.ledger.assert_balanced()


async def test_a_key_for_no_streams_can_not_come_back(
    app: Returning, autojump_clock: MockClock
) -> None:
    """The token alone lets nobody into a stream: whoever has it must be allowed to stream."""
    app.stranger = Principal.by_key(app.world.user_id, uuid4(), frozenset({Scope.READ}))
    back = await app.come_back()
    assert back.types()[0] == "error"
    assert app.clients[0].peer_code is None
    app.clients[0].say(type="stop")
    await trio.sleep(1)
    assert app.clients[0].last("session_end")["seconds_used"] == 0


async def test_what_is_not_here_is_looked_for_elsewhere(
    app: Returning, autojump_clock: MockClock
) -> None:
    """Another process may have it; where none does, the app begins anew. Our own are ours."""
    asked: list[tuple[object, UUID, Resume]] = []

    async def elsewhere(visitor: Session, principal: Principal, resume: Resume) -> None:
        await trio.lowlevel.checkpoint()
        asked.append((visitor.line.client, principal.user_id, resume))

    app.sessions.elsewhere = elsewhere
    token = f"there.{uuid4()}"
    back = await app.connect({"token": token, "received": 3})
    await trio.sleep(6)
    assert asked == [(back, app.world.user_id, Resume(token, 3))]
    assert back.types() == ["ready"]
    await app.come_back()
    assert app.client.types() == ["resumed"]
    assert len(asked) == 1
    for client in (back, app.client):
        client.say(type="stop")
