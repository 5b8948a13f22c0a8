"""What is said of a session once it is over."""

import attrs
import trio
from trio.testing import MockClock

from relayd.identity import Principal
from relayd.session.endings import EndReason
from tests import defaults
from tests.session.audio import frame
from tests.session.world import World


async def test_the_report_has_every_number(autojump_clock: MockClock) -> None:
    """What the log and the metrics say of a session is what happened in it."""
    world = World(limits=defaults.limits(flush_seconds=1))
    await trio.sleep(100)

    async def play() -> None:
        world.sign_in()
        await world.talk(2.5)
        world.ledger.reachable = False
        await trio.sleep(0.7504)
        world.ledger.reachable = True
        world.client.send_text("{")
        world.client.say(type="stop")

    report = await world.run(play)

    (row,) = world.ledger.books.sessions.values()
    assert (row.request.engine, row.request.model) == ("fake", "fake-1")
    assert attrs.asdict(report, recurse=False) == {
        "session_id": row.request.session_id,
        "address": "192.0.2.1",
        "reason": EndReason.COMPLETED,
        "principal": Principal(world.user_id),
        "engine": "fake",
        "model": "fake-1",
        "rate": 1000,
        "seconds": 3.25,
        "used_ms": 2500,
        "reported_ms": 2500,
        "audio_bytes": len(frame(2500)),
        "results": 1,
        "engine_changes": 0,
        "malformed": 1,
        "returns": 0,
        "renewals": 2,
        "renewal_failures": 1,
        "settled": True,
        "upstream_error": None,
        "fault": None,
    }


async def test_a_fault_is_in_the_report(autojump_clock: MockClock) -> None:
    """The client hears of an internal error, the log gets the exception itself."""
    world = World()
    world.engine.plan_fault = ZeroDivisionError()
    world.sign_in()

    report = await world.run()

    assert report.reason is EndReason.INTERNAL_ERROR
    assert isinstance(report.fault, ExceptionGroup)
    assert report.fault.subgroup(ZeroDivisionError) is not None
