"""A ledger that answers renewals by script, and an allowance that asks it."""

from collections.abc import Callable
from uuid import UUID, uuid4

import attrs
import trio

from relayd.clock import Clock
from relayd.errors import LedgerUnavailable
from relayd.session.allowance import Allowance
from relayd.session.endings import Ending
from relayd.session.limits import SessionLimits
from relayd.session.meter import Meter
from relayd.session.ports import (
    Closed,
    Opened,
    OpenRefusal,
    OpenRequest,
    Renewed,
    Revoked,
    Settlement,
)
from relayd.speech.formats import AudioFormat
from tests import defaults

__all__ = ["Answer", "EarlyLedger", "ScriptedLedger", "SleepyClock", "full", "make"]

Answer = Renewed | Revoked | None


@attrs.define(eq=False)
class ScriptedLedger:
    """Answers every renewal by calling ``answer(used_ms, keep_ms)``; None is an outage."""

    answer: Callable[[int, int], Answer]
    seconds: float = 0.0
    asked: list[tuple[float, int, int]] = attrs.field(factory=list)

    async def renew(self, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed | Revoked:
        """Keep the question, then answer by script."""
        self.asked.append((trio.current_time(), used_ms, keep_ms))
        await trio.sleep(self.seconds)
        answer = self.answer(used_ms, keep_ms)
        if answer is None:
            raise LedgerUnavailable("scripted")
        return answer

    async def open(self, request: OpenRequest) -> Opened | OpenRefusal:
        """Not asked here."""
        raise NotImplementedError

    async def recall(self, session_id: UUID, user_id: UUID) -> bool:
        """Not asked here."""
        raise NotImplementedError

    async def settled(self, session_id: UUID, user_id: UUID) -> bool:
        """Not asked here."""
        raise NotImplementedError

    async def close(self, settlement: Settlement) -> Closed:
        """Not asked here."""
        raise NotImplementedError

    async def balance_ms(self, user_id: UUID) -> int:
        """Not asked here."""
        raise NotImplementedError


class EarlyLedger(ScriptedLedger):
    """Makes up its mind when it is asked and takes its time to say so."""

    async def renew(self, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed | Revoked:
        """Keep the question, answer by script, be slow."""
        self.asked.append((trio.current_time(), used_ms, keep_ms))
        answer = self.answer(used_ms, keep_ms)
        await trio.sleep(self.seconds)
        assert answer is not None
        return answer


def full(used_ms: int, keep_ms: int) -> Renewed:
    """Grant 30 s from here, of plenty."""
    return Renewed(used_ms + 30_000, final=False, wanted=False, balance_ms=10**7)


def make(
    ledger: ScriptedLedger,
    *,
    held_total_ms: int = 30_000,
    limits: SessionLimits | None = None,
    clock: Clock = trio.current_time,
) -> Allowance:
    """An allowance of the default format with this first hold, of plenty."""
    return Allowance(
        uuid4(),
        ledger,
        limits or defaults.limits(flush_seconds=5),
        Ending(),
        Meter(AudioFormat(), held_total_ms),
        Opened(held_total_ms, final=False, balance_ms=10**7),
        say_low=lambda _: None,
        clock=clock,
    )


@attrs.define
class SleepyClock:
    """Goes with Trio's, and on while that stands still."""

    slept_seconds: float = 0.0

    def __call__(self) -> float:
        """Seconds since the machine was started."""
        return trio.current_time() + self.slept_seconds
