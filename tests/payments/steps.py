"""What may happen in a history of payments: one thing at a time, by whom and in any order."""

import enum
from typing import Final

from hypothesis import strategies as st

__all__ = ["HISTORIES", "Step"]


class Step(enum.Enum):
    """Each is drawn with a number that says which object, or how much; what can't be is skipped."""

    # The user
    BUY = "buy"
    RETURN = "come_back"
    OPEN = "open"
    SPEAK = "speak"
    HANG_UP = "hang_up"
    # The user at Stripe
    PAY = "pay"
    DECLINE = "decline"
    PAY_LATER = "pay_later"
    SUCCEED = "succeed"
    FAIL = "fail"
    EXPIRE = "expire"
    # The operator at Stripe
    REFUND = "refund"
    REFUND_SLOWLY = "refund_slowly"
    REFUND_ARRIVES = "refund_arrives"
    REFUND_FAILS = "refund_fails"
    REFUND_CANCELED = "refund_canceled"
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
_NUMBERS: Final = st.integers(0, 299)


def _all_with(drawn: tuple[tuple[Step, ...], int]) -> list[tuple[Step, int]]:
    steps, number = drawn
    return [(step, number) for step in steps]


_PARTS: Final = st.one_of(
    st.tuples(st.sampled_from(_SCENES), _NUMBERS).map(_all_with),
    st.tuples(st.sampled_from(_SCENES), _NUMBERS).map(_all_with),
    st.tuples(st.sampled_from([(step,) for step in Step]), _NUMBERS).map(_all_with),
)
# Somebody pays at first: without that there is not much of a history.
HISTORIES: Final = st.builds(
    lambda opening, parts: [*opening, *(step for part in parts for step in part)],
    st.tuples(st.sampled_from(_OPENINGS), _NUMBERS).map(_all_with),
    st.lists(_PARTS, min_size=2, max_size=7),
)
