"""What a state at Stripe means here."""

from uuid import uuid4

import pytest

from relayd.payments.ports import (
    Buyer,
    CheckoutSession,
    Dispute,
    PurchaseState,
    Refund,
    Subscription,
)

SESSION = CheckoutSession("cs_1", None, "open", "unpaid", 100, "usd", None)


@pytest.mark.parametrize(
    ("status", "payment", "intent", "said_failed", "state"),
    [
        ("open", "unpaid", None, False, PurchaseState.PENDING),
        ("open", "unpaid", "requires_payment_method", False, PurchaseState.PENDING),
        ("open", "unpaid", None, True, PurchaseState.PENDING),
        ("open", "no_payment_required", None, False, PurchaseState.PENDING),
        ("complete", "unpaid", None, False, PurchaseState.PENDING),
        ("complete", "unpaid", "processing", False, PurchaseState.PENDING),
        ("complete", "unpaid", "requires_payment_method", False, PurchaseState.FAILED),
        ("complete", "unpaid", "canceled", False, PurchaseState.FAILED),
        ("complete", "unpaid", None, True, PurchaseState.FAILED),
        ("complete", "paid", "succeeded", False, PurchaseState.PAID),
        ("complete", "paid", "succeeded", True, PurchaseState.PAID),
        ("complete", "no_payment_required", None, False, PurchaseState.PAID),
        ("expired", "unpaid", None, False, PurchaseState.EXPIRED),
        (None, "something_new", None, False, PurchaseState.PENDING),
    ],
)
def test_session_states(
    status: str | None, payment: str, intent: str | None, said_failed: bool, state: PurchaseState
) -> None:
    """Only money that is there is paid; complete and unpaid is still to come, or failed."""
    session = CheckoutSession("cs_1", None, status, payment, 1, "usd", "pi_1", intent)
    assert session.state(said_failed=said_failed) is state


@pytest.mark.parametrize(
    ("status", "effective"),
    [
        ("pending", True),
        ("requires_action", True),
        ("succeeded", True),
        ("failed", False),
        ("canceled", False),
    ],
)
def test_refund_states(status: str, effective: bool) -> None:
    """A refund counts until it is known to have failed."""
    assert Refund("re_1", "pi_1", 1, "usd", status).effective is effective


@pytest.mark.parametrize(
    ("status", "reinstated", "still_open"),
    [
        ("warning_needs_response", False, True),
        ("warning_under_review", False, True),
        ("needs_response", False, True),
        ("under_review", False, True),
        ("under_review", True, False),
        ("something_new", False, True),
        ("won", False, False),
        ("lost", False, False),
        ("warning_closed", False, False),
        ("prevented", False, False),
    ],
)
def test_dispute_states(status: str, reinstated: bool, still_open: bool) -> None:
    """A dispute freezes until it is closed or the money is back."""
    dispute = Dispute("dp_1", "pi_1", 1, "usd", status, withdrawn=False, reinstated=reinstated)
    assert dispute.open is still_open


@pytest.mark.parametrize(
    ("status", "running"),
    [
        ("incomplete", True),
        ("trialing", True),
        ("active", True),
        ("past_due", True),
        ("unpaid", True),
        ("paused", True),
        ("something_new", True),
        ("canceled", False),
        ("incomplete_expired", False),
    ],
)
def test_subscription_states(status: str, running: bool) -> None:
    """A subscription runs until there is no way back for it."""
    assert Subscription("sub_1", status, "cus_1", cancels=False, period_end=None).running is running


def test_an_address_is_not_printed() -> None:
    """A buyer in a traceback or a log line shows no address."""
    assert "ada@" not in repr(Buyer(uuid4(), "ada@example.org", None))
