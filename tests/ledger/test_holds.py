"""How much one session may set aside: each rule at its edge, in milliseconds."""

from uuid import uuid4

import pytest

from relayd.ledger.holds import SLICE_MS, Account, Policy, SessionStanding, unused_hold

POLICY = Policy(hold_ms=30_000, streams_per_user=3)


def hold(
    balance_ms: int,
    *,
    others_hold: int = 0,
    reserved: int = 0,
    batch: int = 0,
    used: int = 0,
    held: int = 0,
    sessions: int = 1,
    ahead: int = 0,
    keep: int | None = None,
) -> int:
    """What a session that used and holds so much may hold unused from now on."""
    own = held - used
    held_ms = others_hold + reserved + own
    account = Account(uuid4(), balance_ms, held_ms, 0, reserved_ms=reserved, batch_ms=batch)
    standing = SessionStanding(used, held, sessions, ahead)
    return unused_hold(account, standing, used if keep is None else keep, POLICY)


@pytest.mark.parametrize(
    ("expected", "case"),
    [
        # While the balance covers a whole hold for each, each gets one, and no more.
        (30_000, {"balance_ms": 600_000}),
        (30_000, {"balance_ms": 60_000, "sessions": 2}),
        (30_000, {"balance_ms": 600_000, "used": 7000, "held": 22_000}),
        # Else its equal part, whole milliseconds, rounded down.
        (29_999, {"balance_ms": 59_999, "sessions": 2}),
        (5000, {"balance_ms": 10_001, "sessions": 2}),
        (3333, {"balance_ms": 10_000, "sessions": 3}),
        # At least a slice, so that the last second is used by one.
        (SLICE_MS, {"balance_ms": 1001, "sessions": 2}),
        (700, {"balance_ms": 700, "sessions": 2}),
        # Never what the others hold, nor what is reserved.
        (2500, {"balance_ms": 10_000, "others_hold": 7500, "sessions": 2}),
        (2000, {"balance_ms": 10_000, "reserved": 6000, "sessions": 2}),
        (30_000, {"balance_ms": 100_000, "reserved": 40_000, "sessions": 2}),
        (29_000, {"balance_ms": 98_000, "reserved": 40_000, "sessions": 2}),
        # Nor what is for recordings alone, as far as none has reserved it.
        (4000, {"balance_ms": 10_000, "batch": 6000}),
        (1000, {"balance_ms": 10_000, "batch": 6000, "others_hold": 3000, "sessions": 2}),
        (3000, {"balance_ms": 12_000, "batch": 6000, "reserved": 6000, "sessions": 2}),
        # A share stays free for each that has starved for longer.
        (1000, {"balance_ms": 3000, "sessions": 2, "ahead": 1, "others_hold": 500}),
        (500, {"balance_ms": 2500, "sessions": 3, "ahead": 2}),
        (0, {"balance_ms": 1500, "sessions": 3, "ahead": 2}),
        # What was promised stays covered, whoever waits; not more than there is.
        (4000, {"balance_ms": 9000, "used": 1000, "held": 6000, "keep": 5000, "sessions": 3}),
        (400, {"balance_ms": 1500, "sessions": 3, "ahead": 2, "held": 900, "keep": 400}),
        (900, {"balance_ms": 900, "held": 900, "keep": 901}),
    ],
)
def test_what_a_session_may_hold(expected: int, case: dict[str, int]) -> None:
    """Whole holds while they last, equal parts after that, and promises always."""
    may_hold = hold(**case)

    assert may_hold == expected
    assert isinstance(may_hold, int)


def test_a_reservation_is_held_and_settled() -> None:
    """It moves free credit to what is held, and only its charge leaves the balance."""
    user_id = uuid4()
    account = Account(user_id, 9000, 1000, 0)

    reserved = account.reserving(5000)
    settled = reserved.settling(5000, 3000)

    assert reserved == Account(user_id, 9000, 6000, 0, reserved_ms=5000)
    assert (reserved.free_ms, reserved.unreserved_ms) == (3000, 4000)
    assert settled == Account(user_id, 6000, 1000, 0)


def test_free_credit_pays_debt_and_no_more() -> None:
    """What is held is left alone, and what debt doesn't need stays."""
    user_id = uuid4()

    owing = Account(user_id, 5000, 2000, 9000).with_debt_paid()
    rich = Account(user_id, 5000, 2000, 1000).with_debt_paid()

    assert owing == Account(user_id, 2000, 2000, 6000)
    assert rich == Account(user_id, 4000, 2000, 0)


def test_what_is_used_leaves_hold_and_balance() -> None:
    """Use comes out of the hold; setting aside moves nothing out, giving back pays debt."""
    user_id = uuid4()
    account = Account(user_id, 9000, 4000, 0)

    assert account.charged(1500) == Account(user_id, 7500, 2500, 0)
    assert account.holding(2000) == Account(user_id, 9000, 6000, 0)
    assert Account(user_id, 4000, 4000, 700).holding(-1000) == Account(user_id, 3300, 3000, 0)
