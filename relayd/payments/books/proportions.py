"""How much credit a refund or a dispute takes back: in proportion of seconds to price. Pure.

Always of the whole that is gone by now, rounded down to the millisecond, and what is booked is
the difference to what was taken before. So many partial refunds take exactly what one of their
sum takes, the whole price takes exactly all that was sold, and nothing ever takes more.
"""

__all__ = ["clawed_back_ms"]


def clawed_back_ms(sold_ms: int, price_cents: int, gone_cents: int) -> int:
    """What of ``sold_ms`` is taken back while so much of the price is gone."""
    assert price_cents > 0
    assert gone_cents >= 0
    # A dispute of what was refunded before counts once.
    taken = sold_ms * min(gone_cents, price_cents) // price_cents
    assert 0 <= taken <= sold_ms
    return taken
