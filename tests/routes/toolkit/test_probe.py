"""The database question behind /health is asked once for everybody."""

import attrs
import trio
import trio.testing

from relayd.routes.toolkit.probe import Probe


@attrs.define(eq=False)
class Question:
    """Counts how often it is asked, and takes its time."""

    answer: bool = True
    seconds: float = 0.5
    asked: int = 0

    async def __call__(self) -> bool:
        """Ask."""
        self.asked += 1
        await trio.sleep(self.seconds)
        return self.answer


async def test_coalesced(autojump_clock: trio.testing.MockClock) -> None:
    """A hundred at once are one question, and for a second nobody asks again."""
    question = Question()
    probe = Probe(question)
    answers: list[bool] = []

    async def ask() -> None:
        answers.append(await probe.connected())

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(ask)
    assert answers == [True] * 100
    assert question.asked == 1
    await trio.sleep(0.9)
    await ask()
    assert question.asked == 1
    await trio.sleep(0.2)
    await ask()
    assert question.asked == 2


async def test_changes_are_seen(autojump_clock: trio.testing.MockClock) -> None:
    """An answer is not kept for longer than a second."""
    question = Question()
    probe = Probe(question)
    assert await probe.connected()
    question.answer = False
    await trio.sleep(1.1)
    assert not await probe.connected()


async def test_asker_goes_away(autojump_clock: trio.testing.MockClock) -> None:
    """If whoever asks is cancelled, the next in line asks; nobody gets an old answer."""
    question = Question()
    probe = Probe(question)
    answers: list[bool] = []

    async def ask() -> None:
        answers.append(await probe.connected())

    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.2):
            nursery.start_soon(trio.sleep, 0)
            await probe.connected()
        nursery.start_soon(ask)
    assert answers == [True]
    assert question.asked == 2


async def test_patience(autojump_clock: trio.testing.MockClock) -> None:
    """A question that isn't answered in time counts as no, after three seconds."""
    probe = Probe(Question(seconds=3600))
    assert not await probe.connected()
    assert trio.current_time() == 3
