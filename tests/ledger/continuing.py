"""What every ledger must do for sessions that go on where another one ended."""

from uuid import uuid4

import attrs

from relayd.ledger.holds import Policy
from relayd.session.endings import EndReason
from relayd.session.ports import Continuation, Opened, Revoked
from tests.ledger.contract import Bench
from tests.ledger.steps import end_of, opened, renewed, request_of

__all__ = ["ContinuingContract"]


class ContinuingContract:
    """Subclasses give the fixture ``bench``."""

    async def test_what_a_crash_cut_off_is_not_charged_again(self, bench: Bench) -> None:
        """Audio that is sent again after a crash is paid as far as it was recorded, and once."""
        first = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 600_000)
        before, _ = await opened(first, who)
        await renewed(first, before, 12_000, 30_000)
        assert not await first.settled(before, who.user_id)
        assert await first.settled(before, uuid4())
        await bench.crash(first)
        second = await bench.ledger(Policy(30_000, 2))
        assert await bench.act("sweep") == 1
        assert await second.settled(before, who.user_id)
        goes_on = Continuation(before, start_ms=9_000, most_ms=30_000)

        request = attrs.evolve(request_of(who), continues=goes_on)
        again = attrs.evolve(request_of(who), continues=goes_on)

        answer = await second.open(request)
        assert isinstance(answer, Opened)
        assert answer.paid_ms == 3_000
        assert await second.open(request) == answer
        answer = await second.open(again)
        assert isinstance(answer, Opened)
        assert answer.paid_ms == 0
        await bench.assert_balanced()

    async def test_what_was_paid_twice_over_is_known(self, bench: Bench) -> None:
        """A session that continues another may be cut off, too: the sum of both is paid."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 600_000)
        start = 0
        paid = []
        before = None
        for used_ms in (10_000, 0, 4_000):
            request = request_of(who)
            if before is not None:
                goes_on = Continuation(before, start_ms=start, most_ms=8_000)
                request = attrs.evolve(request, continues=goes_on)
            answer = await ledger.open(request)
            assert isinstance(answer, Opened)
            paid.append(answer.paid_ms)
            before, start = request.session_id, 1_000
            await ledger.close(end_of(before, used_ms, EndReason.SERVER_DRAINING))
        assert paid == [0, 8_000, 7_000]

    async def test_what_was_never_charged_is_not_paid(self, bench: Bench) -> None:
        """Who goes on behind what was heard pays for all of it."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 600_000)
        before, _ = await opened(ledger, who)
        await ledger.close(end_of(before, 5_000, EndReason.SERVER_DRAINING))
        goes_on = Continuation(before, start_ms=6_000, most_ms=30_000)
        answer = await ledger.open(attrs.evolve(request_of(who), continues=goes_on))
        assert isinstance(answer, Opened)
        assert answer.paid_ms == 0

    async def test_what_another_daemon_still_holds_is_over_then(self, bench: Bench) -> None:
        """An opening that goes on with a session settles it as recorded, in its place and hold."""
        first, second = [await bench.ledger(Policy(30_000, 1)) for _ in range(2)]
        who = await bench.act("add_user", 40_000)
        before, _ = await opened(first, who)
        await renewed(first, before, 12_000, 30_000)
        goes_on = Continuation(before, start_ms=9_000, most_ms=30_000)

        assert not await second.recall(before, who.user_id)
        answer = await second.open(attrs.evolve(request_of(who), continues=goes_on))

        # 12 s are charged, 28 s are left; of those it uses the first 3 s were paid.
        assert answer == Opened(held_total_ms=28_000, final=True, balance_ms=28_000, paid_ms=3_000)
        assert await second.recall(before, who.user_id)
        # Its daemon hears of it, and charges nothing more.
        assert await first.renew(before, 14_000, 30_000) is Revoked.SESSION_SETTLED
        assert (await first.close(end_of(before, 14_000))).charged_ms == 12_000
        await bench.assert_balanced()

    async def test_nobody_ends_what_is_another_ones(self, bench: Bench) -> None:
        """Who names a session of somebody else leaves it as it is, and gets nothing of it."""
        ledger = await bench.ledger(Policy(30_000, 1))
        who, other = [await bench.act("add_user", 600_000) for _ in range(2)]
        theirs, _ = await opened(ledger, other)
        goes_on = Continuation(theirs, start_ms=0, most_ms=30_000)

        answer = await ledger.open(attrs.evolve(request_of(who), continues=goes_on))

        assert isinstance(answer, Opened)
        assert answer.paid_ms == 0
        assert not await ledger.settled(theirs, other.user_id)
        await renewed(ledger, theirs, 1_000, 30_000)

    async def test_connections_that_break_pay_for_two_minutes_an_hour(self, bench: Bench) -> None:
        """An app could cut itself off at will: what it sends again is paid four times over."""
        ledger = await bench.ledger(Policy(60_000, 1))
        who = await bench.act("add_user", 3_600_000)
        before, _ = await opened(ledger, who)
        paid = []
        for reason in (EndReason.CLIENT_GONE, EndReason.SLOW_CLIENT) * 3:
            await ledger.close(end_of(before, 25_000, reason))
            request = request_of(who)
            goes_on = Continuation(before, start_ms=0, most_ms=30_000)
            answer = await ledger.open(attrs.evolve(request, continues=goes_on))
            assert isinstance(answer, Opened)
            paid.append(answer.paid_ms)
            before = request.session_id
        assert paid == [25_000, 30_000, 30_000, 30_000, 5_000, 0]
        await bench.assert_balanced()

    async def test_only_our_faults_and_our_users_are_continued(self, bench: Bench) -> None:
        """Whoever ended it by themselves pays for what they send again; nobody for another."""
        ledger = await bench.ledger(Policy(30_000, 9))
        who, other = [await bench.act("add_user", 600_000) for _ in range(2)]
        for reason, mine in (
            (EndReason.COMPLETED, True),
            (EndReason.INSUFFICIENT_CREDITS, True),
            (EndReason.UPSTREAM_CLOSED, False),
        ):
            before, _ = await opened(ledger, who)
            await ledger.close(end_of(before, 5_000, reason))
            goes_on = Continuation(before, start_ms=0, most_ms=30_000)
            request = attrs.evolve(request_of(who if mine else other), continues=goes_on)
            answer = await ledger.open(request)
            assert isinstance(answer, Opened)
            assert answer.paid_ms == 0
        await bench.assert_balanced()
