"""What refunds take back: never more than was sold, and of the whole price all of it."""

from hypothesis import given
from hypothesis import strategies as st

from relayd.payments.books.proportions import clawed_back_ms

SOLD = st.integers(1, 10**10)
PRICE = st.integers(1, 10**8)


@given(sold_ms=SOLD, price_cents=PRICE, parts=st.lists(st.integers(0, 10**8)))
def test_parts_take_what_their_sum_takes(sold_ms: int, price_cents: int, parts: list[int]) -> None:
    """Booked as differences, any partial refunds take what one of their sum takes."""
    gone = taken = 0
    for part in parts:
        gone += part
        change = clawed_back_ms(sold_ms, price_cents, gone) - taken
        assert change >= 0
        taken += change
        assert taken <= sold_ms
    assert taken == clawed_back_ms(sold_ms, price_cents, gone)


@given(sold_ms=SOLD, price_cents=PRICE, more=st.integers(0, 10**8))
def test_the_whole_price_takes_everything(sold_ms: int, price_cents: int, more: int) -> None:
    """The whole price, or more than it, takes back exactly what was sold."""
    assert clawed_back_ms(sold_ms, price_cents, price_cents + more) == sold_ms


@given(sold_ms=SOLD, price_cents=PRICE, gone=st.integers(0, 10**8))
def test_a_part_is_rounded_down(sold_ms: int, price_cents: int, gone: int) -> None:
    """The buyer keeps the fraction of a millisecond."""
    gone = min(gone, price_cents)
    taken = clawed_back_ms(sold_ms, price_cents, gone)
    assert taken * price_cents <= sold_ms * gone < (taken + 1) * price_cents
