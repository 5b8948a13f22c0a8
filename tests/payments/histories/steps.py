"""What may happen in a history of payments: one thing at a time, by whom and in any order."""

import enum
from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

__all__ = ["HISTORIES", "SUBSCRIPTIONS", "Step"]


class Step(enum.Enum):
    """Each is drawn with a number that says which object, or how much; what can't be is skipped."""

    # The user
    BUY = "buy"
    RETURN = "come_back"
    OPEN = "open"
    SPEAK = "speak"
    HANG_UP = "hang_up"
    SUBSCRIBE = "subscribe"
    # The user at Stripe
    PAY = "pay"
    DECLINE = "decline"
    PAY_LATER = "pay_later"
    SUCCEED = "succeed"
    FAIL = "fail"
    EXPIRE = "expire"
    CANCEL = "cancel"
    KEEP = "keep"
    # What recurs at Stripe
    RENEW = "renew"
    RENEW_UNPAID = "renew_unpaid"
    RETRY = "retry"
    RETRY_FAILS = "retry_fails"
    GIVE_UP = "give_up"
    # The operator at Stripe
    REFUND = "refund"
    REFUND_SLOWLY = "refund_slowly"
    REFUND_ARRIVES = "refund_arrives"
    REFUND_FAILS = "refund_fails"
    REFUND_CANCELED = "refund_canceled"
    END_NOW = "end_now"
    VOID = "void"
    # A bank
    DISPUTE = "dispute"
    INQUIRE = "inquire"
    WITHDRAW = "withdraw"
    RESPOND = "respond"
    REINSTATE = "reinstate"
    WIN = "win"
    LOSE = "lose"
    LET_GO = "let_go"
    # The post
    BRING = "bring"
    BRING_LATE = "bring_late"
    BRING_AGAIN = "bring_again"
    NEVER_BRING = "never_bring"
    # The daemon
    WORK = "work"
    RECONCILE = "reconcile"
    # Everybody, while Stripe changes under their hands
    MEET = "meet"
    # The network between them
    TROUBLE = "trouble"


# What often goes together. The post and the worker stand in some of it and not in others.
_NEWS: Final = (Step.BRING,) * 4 + (Step.WORK,)
_TALK: Final = (Step.OPEN, *(Step.SPEAK,) * 4)
_OPENINGS: Final = (
    (Step.BUY, Step.PAY),
    (Step.BUY, Step.PAY, Step.RETURN),
    (Step.BUY, Step.PAY, Step.RETURN, *_TALK),
    (Step.BUY, Step.PAY, *_NEWS, *_TALK),
    (Step.BUY, Step.PAY_LATER, *_NEWS, Step.SUCCEED, *_NEWS),
)
_SCENES: Final = (
    *_OPENINGS,
    (Step.BUY, Step.DECLINE, Step.PAY, Step.RETURN),
    (Step.BUY, Step.PAY_LATER, *_NEWS, Step.FAIL),
    (Step.BUY, Step.EXPIRE),
    _NEWS,
    (Step.BRING_AGAIN, Step.BRING_LATE, Step.BRING_LATE, Step.BRING_LATE, Step.WORK),
    (Step.NEVER_BRING,) * 4,
    _TALK,
    (Step.SPEAK,) * 5,
    (Step.REFUND, *_NEWS, Step.SPEAK),
    (Step.REFUND, Step.REFUND),
    (Step.REFUND, Step.REFUND_FAILS),
    (Step.REFUND, *_NEWS, Step.REFUND_FAILS, *_NEWS),
    (Step.REFUND_SLOWLY, Step.RECONCILE, Step.REFUND_CANCELED),
    (Step.DISPUTE, *_NEWS, Step.SPEAK, Step.WITHDRAW, *_NEWS),
    (Step.DISPUTE, Step.WITHDRAW, *_NEWS, Step.LOSE),
    (Step.DISPUTE, Step.WITHDRAW, Step.RECONCILE, Step.REINSTATE, Step.WIN),
    (Step.DISPUTE, Step.WITHDRAW, Step.REINSTATE),
    (Step.INQUIRE, *_NEWS, Step.LET_GO),
    (Step.BUY, Step.MEET, Step.MEET),
    (Step.BUY, Step.PAY_LATER, Step.MEET, Step.MEET),
    (Step.REFUND, Step.MEET, Step.MEET),
    (Step.DISPUTE, Step.MEET, Step.MEET, Step.MEET),
)
# A subscription writes more events than a purchase.
_ITS_NEWS: Final = (*(Step.BRING,) * 9, Step.WORK)
_BEGINNINGS: Final = (
    (Step.SUBSCRIBE, Step.PAY),
    (Step.SUBSCRIBE, Step.PAY, Step.RETURN, *_TALK),
    (Step.SUBSCRIBE, Step.PAY, *_ITS_NEWS, *_TALK),
    (Step.SUBSCRIBE, Step.PAY_LATER, *_ITS_NEWS, Step.SUCCEED, *_NEWS),
)
_PERIODS: Final = (
    *_BEGINNINGS,
    (Step.SUBSCRIBE, Step.SUBSCRIBE, Step.DECLINE, Step.PAY),
    (Step.SUBSCRIBE, Step.PAY_LATER, *_NEWS, Step.FAIL, *_NEWS, Step.RETRY),
    (Step.RENEW, *_NEWS),
    (Step.RETURN, *_TALK, Step.HANG_UP, Step.REFUND, *_NEWS),
    (Step.RENEW, Step.RENEW, *_NEWS, Step.REFUND, Step.SPEAK),
    (Step.RENEW_UNPAID, *_NEWS, Step.RETRY_FAILS, Step.RETRY, *_NEWS),
    (Step.RENEW_UNPAID, Step.WORK, Step.GIVE_UP, *_NEWS, Step.SUBSCRIBE),
    (Step.RENEW_UNPAID, Step.VOID),
    (Step.CANCEL, *_NEWS, Step.RENEW, *_NEWS),
    (Step.CANCEL, Step.KEEP, Step.RENEW),
    (Step.END_NOW, *_NEWS, Step.SUBSCRIBE, Step.PAY),
    (Step.SUBSCRIBE, Step.MEET, Step.MEET),
    (Step.RENEW_UNPAID, Step.MEET, Step.MEET),
)
_Scenes = tuple[tuple[Step, ...], ...]
_NUMBERS: Final = st.integers(0, 299)


def _all_with(drawn: tuple[tuple[Step, ...], int]) -> list[tuple[Step, int]]:
    steps, number = drawn
    return [(step, number) for step in steps]


def _histories(
    openings: _Scenes, scenes: _Scenes, steps: Sequence[Step]
) -> st.SearchStrategy[list[tuple[Step, int]]]:
    """Somebody pays at first: without that there is not much of a history."""
    parts = st.one_of(
        st.tuples(st.sampled_from(scenes), _NUMBERS).map(_all_with),
        st.tuples(st.sampled_from(scenes), _NUMBERS).map(_all_with),
        st.tuples(st.sampled_from([(step,) for step in steps]), _NUMBERS).map(_all_with),
    )
    return st.builds(
        lambda opening, parts: [*opening, *(step for part in parts for step in part)],
        st.tuples(st.sampled_from(openings), _NUMBERS).map(_all_with),
        st.lists(parts, min_size=2, max_size=7),
    )


_OF_SUBSCRIPTIONS: Final = {step for scene in _PERIODS for step in scene} - {
    step for scene in (*_OPENINGS, *_SCENES) for step in scene
}
HISTORIES: Final = _histories(
    _OPENINGS, _SCENES, [step for step in Step if step not in _OF_SUBSCRIPTIONS]
)
# In these somebody subscribes, and may buy besides.
SUBSCRIPTIONS: Final = _histories(_BEGINNINGS, (*_PERIODS, *_PERIODS, *_SCENES), list(Step))
