"""Every way in which a session can end, with the exact moment at which it does.

One row a reason; a reason without a row fails.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import attrs
import pytest
import trio
import trio.lowlevel
import trio.testing

from relayd.dialects.native import ERROR_CODES
from relayd.errors import UpstreamClosed, UpstreamUnavailable
from relayd.session.dialect import Closing
from relayd.session.endings import EndReason
from tests import defaults
from tests.session.audio import frame
from tests.session.manners import MANNERS, Manner
from tests.session.world import World

Play = Callable[[World], Awaitable[None]]


@attrs.frozen
class Row:
    """How it is provoked, and what must be seen: times are seconds of the mock clock."""

    play: Play
    ends_at: float
    used_ms: int = 0
    opened: bool = True
    session_end: bool = True
    world: Mapping[str, Any] = attrs.field(factory=dict)
    # Whether it can happen to an app that said who it is with its upgrade.
    by_header: bool = True


async def _complete(world: World) -> None:
    world.sign_in()
    await world.talk(1.0)
    world.stop()


async def _leave(world: World) -> None:
    world.sign_in()
    await world.talk(1.0)
    world.client.hang_up()


async def _say_nothing(world: World) -> None:
    pass


async def _lie(world: World) -> None:
    await trio.sleep(1)
    assert world.manner.auth is not None
    world.client.send_text(world.manner.auth("forged", {}))


async def _be_revoked(world: World) -> None:
    world.sign_in()
    await trio.sleep(1)
    world.ledger.disable(world.user_id)


async def _be_disputed(world: World) -> None:
    world.sign_in()
    await trio.sleep(1)
    world.ledger.freeze(world.user_id)


async def _spend_all(world: World) -> None:
    world.sign_in()
    await world.talk(3.0)


async def _configure_badly(world: World) -> None:
    world.sign_in(callback="https://elsewhere.example")


async def _open_three(world: World) -> None:
    await world.ledger.open_others(world.user_id, 2)
    world.sign_in()


async def _fall_silent(world: World) -> None:
    world.sign_in()
    await world.talk(1.0)
    world.keepalive()
    await trio.sleep(30)
    world.keepalive()


async def _talk_on(world: World) -> None:
    world.sign_in()
    await world.talk(19.9)


async def _stop_reading(world: World) -> None:
    world.client.reads = False
    world.sign_in()
    await trio.testing.wait_all_tasks_blocked()
    world.engine.stream.say("hello")


async def _talk_to_nobody(world: World) -> None:
    world.engine.open_error = UpstreamUnavailable("not available", "the key is wrong")
    world.sign_in()


async def _lose_the_engine(world: World) -> None:
    world.sign_in()
    await world.talk(1.0)
    world.engine.stream.fail(UpstreamClosed("went away"))


async def _lose_the_ledger(world: World) -> None:
    world.sign_in()
    await trio.testing.wait_all_tasks_blocked()
    world.ledger.reachable = False
    await world.talk(31)


async def _be_drained(world: World) -> None:
    world.sign_in()
    await world.talk(2.0)
    world.session.ending.give(EndReason.SERVER_DRAINING)


async def _meet_a_bug(world: World) -> None:
    world.engine.plan_fault = ZeroDivisionError()
    world.sign_in()


TABLE = {
    EndReason.COMPLETED: Row(_complete, ends_at=1.0, used_ms=1000),
    EndReason.CLIENT_GONE: Row(_leave, ends_at=1.0, used_ms=1000, session_end=False),
    EndReason.AUTH_TIMEOUT: Row(
        _say_nothing, ends_at=5.0, opened=False, session_end=False, by_header=False
    ),
    EndReason.AUTH_FAILED: Row(_lie, ends_at=1.0, opened=False, session_end=False, by_header=False),
    # Noticed at the first renewal after it.
    EndReason.AUTH_REVOKED: Row(_be_revoked, ends_at=4.25),
    EndReason.INSUFFICIENT_CREDITS: Row(
        _spend_all, ends_at=2.6, used_ms=2503, world={"credit_ms": 2503}
    ),
    # As above.
    EndReason.CREDIT_FROZEN: Row(_be_disputed, ends_at=4.25),
    EndReason.BAD_CONFIG: Row(_configure_badly, ends_at=0.0, opened=False),
    EndReason.TOO_MANY_SESSIONS: Row(_open_three, ends_at=0.0, opened=False),
    # The last keepalive came at 31 s.
    EndReason.IDLE_TIMEOUT: Row(_fall_silent, ends_at=91.0, used_ms=1000),
    EndReason.SESSION_LIMIT: Row(
        _talk_on,
        ends_at=20.0,
        used_ms=19_900,
        world={"limits": defaults.limits(session_seconds=20)},
    ),
    EndReason.SLOW_CLIENT: Row(_stop_reading, ends_at=5.0, session_end=False),
    EndReason.UPSTREAM_UNAVAILABLE: Row(_talk_to_nobody, ends_at=0.0),
    EndReason.UPSTREAM_CLOSED: Row(_lose_the_engine, ends_at=1.0, used_ms=1000),
    # The hold of 30 s is used up with the 300th frame; the 301st finds nothing, asks, and ends.
    EndReason.SERVICE_UNAVAILABLE: Row(_lose_the_ledger, ends_at=30.1, used_ms=30_000),
    EndReason.SERVER_DRAINING: Row(_be_drained, ends_at=2.0, used_ms=2000),
    EndReason.INTERNAL_ERROR: Row(_meet_a_bug, ends_at=0.0, opened=False),
}


def test_table_is_complete() -> None:
    """Every reason to end has its row."""
    assert set(TABLE) == set(EndReason)


def cases(reasons: Iterable[EndReason]) -> list[Any]:
    """These reasons with every manner in which they can come about."""
    return [
        pytest.param(manner, reason, id=f"{manner.name}-{reason.label}")
        for manner in MANNERS
        for reason in reasons
        if manner.auth is not None or TABLE[reason].by_header
    ]


@pytest.mark.parametrize("at_once", [False, True], ids=["waiting", "at once"])
@pytest.mark.parametrize(("manner", "reason"), cases(TABLE))
async def test_ends_for_this_reason(
    manner: Manner, reason: EndReason, at_once: bool, autojump_clock: trio.testing.MockClock
) -> None:
    """The session ends for this reason, at this moment, with this charge, told in this order."""
    row = TABLE[reason]
    world = World(manner=manner, **row.world)
    world.take_at_once(at_once)

    report = await world.run(lambda: row.play(world))

    assert report.reason is reason
    assert world.client.closed is not None
    closed_at, code, text = world.client.closed
    assert Closing(code, text) == manner.dialect().closing(reason)
    assert closed_at == pytest.approx(row.ends_at, abs=1e-6)
    assert report.used_ms == row.used_ms
    # Without the ledger it is settled later, by the registry.
    in_reach = reason is not EndReason.SERVICE_UNAVAILABLE
    assert report.settled is (in_reach if row.opened else None)
    assert (report.fault is None) is (reason is not EndReason.INTERNAL_ERROR)
    types = world.client.types()
    assert types.count(manner.over) == row.session_end
    if row.session_end:
        assert types[-1] == manner.over
        said = world.client.last(manner.over)
        field, of_a_second = manner.used
        assert said[manner.reason] == reason.label
        assert said[field] == row.used_ms / 1000 * of_a_second
    if not in_reach:
        world.ledger.reachable = True
        await world.ledger.close(world.session.settlement)
    if reason is not EndReason.TOO_MANY_SESSIONS:
        world.assert_books()


@pytest.mark.parametrize("reason", [reason for reason in TABLE if not reason.by_app])
async def test_an_error_says_what_happened(
    reason: EndReason, autojump_clock: trio.testing.MockClock
) -> None:
    """Whoever still listens hears what went wrong, with its code, and that it is fatal."""
    world = World(**TABLE[reason].world)

    await world.run(lambda: TABLE[reason].play(world))

    if world.client.reads:
        error = world.client.last("error")
        assert error["code"] == ERROR_CODES[reason]
        assert error["message"] == world.session.ending.wording
        assert error["fatal"] is True


@pytest.mark.parametrize(("manner", "reason"), cases(one for one in TABLE if one.orderly))
async def test_last_words_arrive(
    manner: Manner, reason: EndReason, autojump_clock: trio.testing.MockClock
) -> None:
    """Where both ends live on, the engine is told to finish and its last words are delivered."""
    row = TABLE[reason]
    world = World(manner=manner, **row.world)

    await world.run(lambda: row.play(world))

    if world.engine.streams:
        types = world.client.types()
        assert world.engine.stream.finished_at is not None
        assert manner.heard_words(world.client) == ["goodbye"]
        assert types.index(manner.words) < types.index(manner.over)


async def test_nothing_unpaid_reaches_the_engine(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The engine hears the last paid byte and none after it."""
    world = World(credit_ms=2503)

    await world.run(lambda: _spend_all(world))

    assert len(world.engine.stream.audio) == len(frame(2503))
