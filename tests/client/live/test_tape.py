"""Audio on its way."""

import gc

import pytest
import trio
import trio.testing

from relayd.client.live.tape import Tape


async def test_it_is_read_once_and_again_from_what_was_not_heard() -> None:
    """Reading goes on where it was; after a cut it begins again at what nobody understood."""
    tape = Tape()
    tape.add(b"abcdef")
    assert await tape.read(2) == b"ab"
    assert await tape.read(9) == b"cdef"
    tape.forget(3)
    assert tape.rewind() == 3
    assert await tape.read(9) == b"def"


async def test_what_was_not_read_is_not_forgotten() -> None:
    """Who claims to have heard more than was said is not believed."""
    tape = Tape()
    tape.add(b"abcd")
    assert await tape.read(1) == b"a"
    tape.forget(100)
    assert await tape.read(9) == b"bcd"


async def test_it_is_bounded() -> None:
    """The oldest goes first, and what was never read is counted as lost."""
    tape = Tape(limit_bytes=4)
    tape.add(b"abc")
    assert await tape.read(1) == b"a"
    tape.add(b"def")
    assert tape.lost_bytes == 1
    assert await tape.read(9) == b"cdef"
    tape.add(b"gh")
    assert tape.lost_bytes == 1


async def test_another_thread_wakes_the_reader(nursery: trio.Nursery) -> None:
    """Audio and the end come from anywhere; a reader that waits gets them."""
    tape = Tape()
    got: list[bytes] = []

    async def read() -> None:
        while piece := await tape.read(9):
            got.append(piece)

    with trio.fail_after(5):
        async with trio.open_nursery() as readers:
            readers.start_soon(read)
            readers.start_soon(tape.wait_closed)
            await trio.testing.wait_all_tasks_blocked()
            await trio.to_thread.run_sync(tape.add, b"abc")
            await trio.testing.wait_all_tasks_blocked()
            await trio.to_thread.run_sync(tape.close)
    tape.add(b"too late")
    assert got == [b"abc"]
    assert await tape.read(9) == b""


async def test_a_cancelled_read_took_nothing() -> None:
    """What was cancelled has read nothing, and the next read gets it."""
    tape = Tape()
    with trio.move_on_after(0):
        pytest.fail(str(await tape.read(9)))
    tape.add(b"ab")
    assert await tape.read(9) == b"ab"


async def test_a_reader_that_was_cancelled_leaves_the_next_one_whole(
    nursery: trio.Nursery,
) -> None:
    """Readers that gave up while they waited cost no audio, and none of it comes twice."""
    tape = Tape()
    for _ in range(3):
        with trio.CancelScope() as scope:
            nursery.start_soon(_cancel_when_idle, scope)
            await tape.read(9)
        tape.add(b"ab")
        assert await tape.read(9) == b"ab"
    with trio.move_on_after(0.05):
        pytest.fail(str(await tape.read(9)))


async def _cancel_when_idle(scope: trio.CancelScope) -> None:
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


async def test_nothing_is_left_of_a_tape() -> None:
    """A tape that was waited for takes its sockets with it."""
    tape = Tape()
    with trio.move_on_after(0.01):
        await tape.read(9)
    bell = tape._bell
    assert bell is not None
    ends = bell._ends
    assert all(end.fileno() >= 0 for end in ends)
    del tape, bell
    # Trio holds on to the cancelled step until the next one.
    await trio.lowlevel.checkpoint()
    gc.collect()
    assert all(end.fileno() < 0 for end in ends)
