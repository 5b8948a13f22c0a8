"""Whose session an app would go on with, and what a new one begins with where that is gone."""

from typing import Final
from uuid import UUID

import trio

from relayd.session.dialect import Resume
from relayd.session.ports import Continuation, Ledger
from relayd.speech.plan import StreamPlan

__all__ = ["continuation", "session_named"]

# Of audio that a fault of ours lets an app send again: what apps keep (docs/protocol.md).
AGAIN_SECONDS: Final = 30
# Between two looks whether the session that one continues is settled.
SETTLED_SECONDS: Final = 0.1


def session_named(token: str) -> UUID | None:
    """The session that a resume token names; None for none."""
    try:
        return UUID(token.rpartition(".")[2])
    except ValueError:
        return None


async def continuation(
    resume: Resume | None, user_id: UUID, plan: StreamPlan, ledger: Ledger, patience_seconds: float
) -> Continuation | None:
    """What a new session goes on with; None for none. The old one's books are waited for a little.

    A daemon of another machine that still holds it settles it when it hears of this one, and the
    sessions of a process that was killed a moment ago are settled by the others.
    """
    before = None if resume is None else session_named(resume.token)
    if before is None or resume is None:
        return None
    with trio.move_on_after(patience_seconds):
        await trio.lowlevel.checkpoint()
        over = await ledger.recall(before, user_id)
        while not over:
            await trio.sleep(SETTLED_SECONDS)
            over = await ledger.settled(before, user_id)
    kept_bytes = AGAIN_SECONDS * plan.format.bytes_per_second
    return Continuation(
        before,
        start_ms=plan.tariff.charge_bytes(resume.start_bytes, plan.format),
        most_ms=plan.tariff.charge_bytes(kept_bytes, plan.format),
    )
