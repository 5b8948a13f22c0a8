"""What every ledger must do about daemons that are taken for dead; fake and PostgreSQL."""

from uuid import uuid4

import pytest

from relayd.errors import LedgerUnavailable
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import Balance
from relayd.session.endings import EndReason
from relayd.session.ports import Closed, OpenRefusal, Settlement
from tests.ledger.contract import Bench
from tests.ledger.steps import end_of, opened, renewed, request_of

__all__ = ["BootsContract"]


class BootsContract:
    """Subclasses give the fixture ``bench``."""

    async def test_a_grant_is_a_beat(self, bench: Bench) -> None:
        """Nobody is buried who let a session spend since the beat was seen."""
        ledger = await bench.ledger(Policy(30_000, 2))
        boot_id = bench.boot_of(ledger)
        who = await bench.act("add_user", 100_000)
        session_id, _ = await opened(ledger, who)

        before_renewal = await bench.act("pulse", boot_id)
        await renewed(ledger, session_id, 1000, 30_000)
        assert not await bench.act("bury", boot_id, before_renewal.beats)
        before_opening = await bench.act("pulse", boot_id)
        await opened(ledger, who)
        assert not await bench.act("bury", boot_id, before_opening.beats)
        assert await bench.act("sweep") == 0

    async def test_the_buried_let_nobody_spend(self, bench: Bench) -> None:
        """Taken for dead, a daemon opens and renews nothing until it has beaten again."""
        ledger = await bench.ledger(Policy(30_000, 2))
        boot_id = bench.boot_of(ledger)
        who = await bench.act("add_user", 100_000)
        session_id, _ = await opened(ledger, who)
        pulse = await bench.act("pulse", boot_id)
        assert await bench.act("bury", boot_id, pulse.beats)

        with pytest.raises(LedgerUnavailable):
            await ledger.renew(session_id, 1000, 30_000)
        with pytest.raises(LedgerUnavailable):
            await ledger.open(request_of(who))
        assert await bench.act("balance", who.user_id) == Balance(100_000, 30_000, 0)

        await bench.act("beat", boot_id)
        await renewed(ledger, session_id, 1000, 30_000)
        await opened(ledger, who)
        assert await bench.act("sweep") == 0
        await bench.assert_balanced()

    async def test_the_buried_settle_what_they_know(self, bench: Bench) -> None:
        """A daemon that was taken for dead still ends its sessions, for what they used."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        session_id, _ = await opened(ledger, who)
        await bench.crash(ledger)

        assert await ledger.close(end_of(session_id, 7000)) == Closed(7000, 93_000)
        assert await bench.act("sweep") == 0

    @pytest.mark.parametrize("arrived", [False, True])
    async def test_an_unanswered_opening_comes_to_nothing(
        self, bench: Bench, arrived: bool
    ) -> None:
        """Whether or not it took effect, its hold and its place are free once it is settled."""
        ledger = await bench.ledger(Policy(30_000, 1))
        who = await bench.act("add_user", 20_000)
        request = request_of(who)
        if arrived:
            await ledger.open(request)
        reason = EndReason.SERVICE_UNAVAILABLE
        settlement = Settlement(request.session_id, 0, None, reason, unanswered=request)

        for _ in range(2):
            assert (await ledger.close(settlement)).charged_ms == 0

        assert await bench.act("balance", who.user_id) == Balance(20_000, 0, 0)
        await opened(ledger, who)
        await bench.assert_balanced()

    async def test_what_is_settled_is_not_opened_again(self, bench: Bench) -> None:
        """An opening that is repeated after the end opens nothing and holds nothing."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        request = request_of(who, uuid4())
        await ledger.open(request)
        await ledger.close(end_of(request.session_id, 1000))

        assert await ledger.open(request) is OpenRefusal.SESSION_SETTLED
        assert await bench.act("balance", who.user_id) == Balance(99_000, 0, 0)
        await bench.assert_balanced()
