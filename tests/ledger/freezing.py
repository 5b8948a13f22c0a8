"""What every ledger must do while a payment is disputed; for the fake and for PostgreSQL."""

from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import Balance
from relayd.session.ports import Closed, OpenRefusal, Revoked
from tests.ledger.contract import Bench
from tests.ledger.steps import end_of, opened, request_of

__all__ = ["FreezingContract"]


class FreezingContract:
    """Subclasses give the fixture ``bench``."""

    async def test_frozen_credit_opens_nothing(self, bench: Bench) -> None:
        """While a payment is disputed nothing starts, whatever the balance, and then it does."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        await bench.act("freeze", who.user_id)

        refused = await ledger.open(request_of(who))
        balance = await bench.act("balance", who.user_id)
        await bench.assert_balanced()
        await bench.act("thaw", who.user_id)

        assert refused is OpenRefusal.CREDIT_FROZEN
        assert balance == Balance(100_000, 0, 0, frozen=True)
        await opened(ledger, who)

    async def test_frozen_credit_is_not_renewed(self, bench: Bench) -> None:
        """A dispute ends live sessions at their next renewal; what they used is charged."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        session_id, _ = await opened(ledger, who)
        await bench.act("freeze", who.user_id)

        assert await ledger.renew(session_id, 10_000, 30_000) is Revoked.CREDIT_FROZEN
        assert await ledger.close(end_of(session_id, 12_000)) == Closed(12_000, 88_000)
        await bench.act("revoke", who.sign_in_id)
        assert await ledger.open(request_of(who)) is OpenRefusal.AUTH_REVOKED
        await bench.assert_balanced()
