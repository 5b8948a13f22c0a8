"""What comes for one application call, on its way to ASGI's receive."""

import trio
import trio.testing

from relayd.edge.body import BodyPolicy
from relayd.edge.inbox import Inbox, open_inbox


def body(data: bytes) -> dict[str, object]:
    """A part of a body."""
    return {"type": "http.request", "body": data, "more_body": True}


LEFT = {"type": "http.disconnect"}


def inbox(parts: int) -> Inbox:
    """One with this much room."""
    return open_inbox(BodyPolicy(1000, 10), lambda: None, parts)


async def test_a_disconnect_needs_no_room(autojump_clock: trio.testing.MockClock) -> None:
    """A full queue doesn't hold up the reader; what came before is read before."""
    one = inbox(1)
    await one.put(body(b"a"))
    with trio.fail_after(1):
        await one.put(LEFT)
        assert [await one.receive() for _ in range(3)] == [body(b"a"), LEFT, LEFT]
    assert one.left


async def test_a_disconnect_wakes_who_waits(autojump_clock: trio.testing.MockClock) -> None:
    """An application that waits for more hears of it at once."""
    one = inbox(1)
    heard: list[object] = []

    async def receive() -> None:
        heard.append(await one.receive())

    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            await trio.testing.wait_all_tasks_blocked()
            await one.put(LEFT)
    assert heard == [LEFT]


async def test_parts_after_the_end_are_dropped(autojump_clock: trio.testing.MockClock) -> None:
    """Neither an application that is done nor a disconnect makes a later part an error."""
    done, left = inbox(0), inbox(0)
    done.receiver.close()
    with trio.fail_after(1):
        await left.put(LEFT)
        await done.put(body(b"a"))
        await left.put(body(b"a"))
    assert not done.left
