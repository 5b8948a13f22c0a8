"""What is said arrives once and in order, whichever way it goes out."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.dialects.native import NativeDialect
from relayd.session.endings import Ending, EndReason
from relayd.session.outbox import Outbox
from tests import defaults
from tests.fakes.client import FakeClient


def outbox_of(client: FakeClient, outbox_messages: int = 64) -> Outbox:
    """An outbox whose ending is its own."""
    ending = Ending()
    return Outbox(
        client,
        NativeDialect(),
        ending,
        defaults.limits(outbox_messages=outbox_messages),
        lambda: ending.give(EndReason.CLIENT_GONE),
        lambda: ending.give(EndReason.SLOW_CLIENT),
    )


async def test_nothing_overtakes_what_waits(autojump_clock: MockClock) -> None:
    """A message goes past the queue only while nothing is queued before it."""
    client = FakeClient()
    outbox = outbox_of(client)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.write)
        outbox.say(('{"type":"first"}',))
        client.at_once = True
        outbox.say(('{"type":"second"}',))
        await wait_all_tasks_blocked()
        outbox.say(('{"type":"third"}',))
        assert client.types() == ["first", "second", "third"]

        outbox.ending.give(EndReason.COMPLETED)
        outbox.close()

    assert client.types() == ["first", "second", "third"]
    assert client.closed == (0, 1000, "completed")


async def test_what_waited_goes_out_in_one_turn_once_the_client_reads(
    autojump_clock: MockClock,
) -> None:
    """A writer that sent one message a turn would never catch up with a busy engine."""
    client = FakeClient()
    outbox = outbox_of(client)
    async with trio.open_nursery() as nursery:
        outbox.say(tuple('{"type":"early"}' for _ in range(20)))
        client.at_once = True
        nursery.start_soon(outbox.write)
        for _ in range(5):
            await trio.lowlevel.checkpoint()
        assert len(client.heard) == 20
        outbox.say(('{"type":"late"}',))
        assert client.types()[-1] == "late"
        outbox.ending.give(EndReason.COMPLETED)
        outbox.close()


async def test_nothing_is_said_after_the_end(autojump_clock: MockClock) -> None:
    """Once the outbox is closed, the closing frame is the last thing that is sent."""
    client = FakeClient(at_once=True)
    outbox = outbox_of(client)
    outbox.ending.give(EndReason.COMPLETED)
    outbox.close()

    outbox.say(('{"type":"late"}',))
    await outbox.write()

    assert client.types() == []
    assert client.closed is not None


async def test_full_outbox_ends_the_session(autojump_clock: MockClock) -> None:
    """A client that reads nothing is slow once its messages fill the outbox."""
    outbox = outbox_of(FakeClient(reads=False), outbox_messages=8)

    for _ in range(8):
        outbox.say(("{}",))
    assert outbox.ending.reason is None

    outbox.say(("{}",))

    assert outbox.ending.reason is EndReason.SLOW_CLIENT
    outbox.close()
    await outbox.write()
