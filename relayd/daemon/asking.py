"""Quotas of a serving process: counted by its supervisor, for all of them together."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import attrs
import trio

from relayd.daemon.channel import Admit, Channel, Enter, GiveTurn, Leave, Reply, TakeTurn, ToProcess
from relayd.quotas.limits import Cap, Rate

__all__ = ["AskedQuotas"]


@attrs.define(eq=False)
class _Question:
    """One that waits for its answer; ``undo`` gives back what nobody waits for any more."""

    undo: Callable[[], None] | None
    answered: trio.Event = attrs.field(factory=trio.Event)
    abandoned: bool = False
    value: str | float | None = None


@attrs.define(eq=False)
class AskedQuotas:
    """Implements `relayd.quotas.limits.Quotas` over a channel."""

    channel: Channel[ToProcess]
    _numbers: Iterator[int] = attrs.field(factory=itertools.count)
    _questions: dict[int, _Question] = attrs.field(factory=dict)

    async def enter(self, caps: Sequence[Cap]) -> str | None:
        """See `relayd.quotas.limits.Quotas`."""
        number, question = self._question(lambda: self.leave(caps))
        self.channel.tell(Enter(number, caps))
        value = await self._answer(question)
        assert value is None or isinstance(value, str)
        return value

    def leave(self, caps: Sequence[Cap]) -> None:
        """See `relayd.quotas.limits.Quotas`."""
        if caps:
            self.channel.tell(Leave(caps))

    async def admit(self, rates: Sequence[Rate]) -> float:
        """See `relayd.quotas.limits.Quotas`."""
        number, question = self._question(None)
        self.channel.tell(Admit(number, rates))
        value = await self._answer(question)
        assert isinstance(value, float | int)
        return value

    async def take(self, turn: Cap) -> None:
        """See `relayd.quotas.limits.Quotas`."""
        number, question = self._question(lambda: self.give(turn))
        self.channel.tell(TakeTurn(number, turn))
        await self._answer(question)

    def give(self, turn: Cap) -> None:
        """See `relayd.quotas.limits.Quotas`."""
        self.channel.tell(GiveTurn(turn))

    def heed(self, answer: Reply) -> None:
        """An answer came."""
        question = self._questions.pop(answer.number)
        question.value = answer.value
        question.answered.set()
        if question.abandoned and question.undo is not None and answer.value is None:
            question.undo()

    def _question(self, undo: Callable[[], None] | None) -> tuple[int, _Question]:
        number = next(self._numbers)
        question = self._questions[number] = _Question(undo)
        return number, question

    async def _answer(self, question: _Question) -> str | float | None:
        try:
            await question.answered.wait()
        finally:
            question.abandoned = not question.answered.is_set()
        return question.value
