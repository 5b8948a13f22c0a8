"""What every ledger must do with credit that runs out; for the fake and for PostgreSQL."""

from uuid import UUID, uuid4

from relayd.identity import Principal
from relayd.ledger.balances import Reservation
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal
from relayd.session.ports import Opened, OpenRefusal
from tests.ledger.contract import Bench
from tests.ledger.steps import end_of, opened, renewed, request_of

__all__ = ["LotsContract"]


async def granted(
    bench: Bench, who: Principal, amount_ms: int, hours: int, *, live: bool = True
) -> str:
    """A lot of the user; its key."""
    key = str(uuid4())
    answer = await bench.act("grant_lot", who.user_id, key, amount_ms, hours, live)
    assert isinstance(answer, Booked)
    return key


async def used(bench: Bench, user_id: UUID, amount_ms: int) -> None:
    """Something that is no stream used so much."""
    asked = Reservation(uuid4(), user_id, amount_ms, "test")
    await bench.act("hold", asked)
    await bench.act("settle", asked.id, amount_ms)


async def left(bench: Bench, who: Principal) -> list[int]:
    """What is left of each lot, in the order in which they were granted."""
    return [lot[1] for lot in await bench.act("lots_of", who.user_id)]


class LotsContract:
    """Subclasses give the fixture ``bench``."""

    async def test_a_lot_is_granted_once(self, bench: Bench) -> None:
        """The same name again is the same lot; of another amount or user it is refused."""
        who, other = await bench.act("add_user"), await bench.act("add_user")
        asked = (who.user_id, "invoice 1", 5000, 24)

        answers = [await bench.act("grant_lot", *asked, True) for _ in range(2)]
        taken = await bench.act("grant_lot", other.user_id, *asked[1:], True)
        unknown = await bench.act("grant_lot", uuid4(), "invoice 2", 5, 24, True)

        assert answers == [
            Booked(Balance(5000, 0, 0), repeated=False),
            Booked(Balance(5000, 0, 0), repeated=True),
        ]
        assert (taken, unknown) == (BookingRefusal.KEY_TAKEN, BookingRefusal.UNKNOWN_USER)
        await bench.assert_balanced()

    async def test_what_runs_out_soonest_is_spent_first(self, bench: Bench) -> None:
        """Whatever was granted first, and what never runs out goes last."""
        who = await bench.act("add_user", 1000)
        await granted(bench, who, 2000, 48)
        await granted(bench, who, 3000, 24)

        await used(bench, who.user_id, 3500)
        after = await left(bench, who)
        await used(bench, who.user_id, 2000)

        assert after == [1500, 0]
        assert await left(bench, who) == [0, 0]
        assert await bench.act("balance", who.user_id) == Balance(500, 0, 0)
        await bench.assert_balanced()

    async def test_streams_spend_lots_when_they_end(self, bench: Bench) -> None:
        """A renewal is nothing to a lot: what a session used leaves it in one step."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        await granted(bench, who, 5000, 24)
        session_id, _ = await opened(ledger, who)
        await renewed(ledger, session_id, 8000, 30_000)

        before = await left(bench, who)
        await ledger.close(end_of(session_id, 9000))

        assert (before, await left(bench, who)) == ([5000], [0])
        assert await bench.act("balance", who.user_id) == Balance(96_000, 0, 0)
        await bench.assert_balanced()

    async def test_what_runs_out_is_gone(self, bench: Bench) -> None:
        """Nobody can set aside what has run out, whether or not anybody looked before."""
        who = await bench.act("add_user", 1000)
        await granted(bench, who, 5000, 2)
        await bench.act("pass_time", who.user_id, 2)
        asked = Reservation(uuid4(), who.user_id, 1001, "test")

        refused = await bench.act("hold", asked)

        assert not hasattr(refused, "balance")
        assert await bench.act("balance", who.user_id) == Balance(1000, 0, 0)
        await bench.assert_balanced()

    async def test_what_is_held_runs_out_when_its_hold_ends(self, bench: Bench) -> None:
        """A hold keeps what it lies on; what it gives back is gone, and not another stream's."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user")
        await granted(bench, who, 40_000, 2)
        session_id, _ = await opened(ledger, who)
        await bench.act("pass_time", who.user_id, 2)

        refused = await ledger.open(request_of(who))
        held = await bench.act("balance", who.user_id)
        closed = await ledger.close(end_of(session_id, 12_000))

        assert isinstance(refused, Opened)
        assert (refused.held_total_ms, held) == (0, Balance(30_000, 30_000, 0))
        assert (closed.charged_ms, closed.balance_ms) == (12_000, 0)
        assert await left(bench, who) == [0]
        await bench.assert_balanced()

    async def test_a_stream_goes_on_with_what_lasts(self, bench: Bench) -> None:
        """When its lot runs out under it, a session's next hold is of other credit."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 50_000)
        await granted(bench, who, 20_000, 2)
        session_id, _ = await opened(ledger, who)
        await bench.act("pass_time", who.user_id, 2)

        answer = await renewed(ledger, session_id, 15_000, 30_000)
        await ledger.close(end_of(session_id, 35_000))

        assert (answer.held_total_ms, answer.balance_ms) == (45_000, 55_000)
        assert await bench.act("balance", who.user_id) == Balance(35_000, 0, 0)
        await bench.assert_balanced()

    async def test_some_minutes_are_for_recordings_alone(self, bench: Bench) -> None:
        """A stream gets nothing of them, recordings use them first, and both use the rest."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user")
        await granted(bench, who, 5000, 24, live=False)

        refused = await ledger.open(request_of(who))
        await granted(bench, who, 3000, 2)
        session_id, answer = await opened(ledger, who)
        await used(bench, who.user_id, 4000)
        await ledger.close(end_of(session_id, 1000))

        assert refused is OpenRefusal.INSUFFICIENT_CREDITS
        assert (answer.held_total_ms, answer.final, answer.balance_ms) == (3000, True, 3000)
        assert await left(bench, who) == [1000, 2000]
        assert await ledger.balance_ms(who.user_id) == 2000
        await bench.assert_balanced()

    async def test_debt_is_paid_from_a_lot(self, bench: Bench) -> None:
        """Minutes of a plan pay what is owed first, like any other credit."""
        who = await bench.act("add_user")
        await bench.act("book", who.user_id, "adjustment", "dispute", -3000)

        await granted(bench, who, 5000, 24)

        assert await bench.act("balance", who.user_id) == Balance(2000, 0, 0)
        assert await left(bench, who) == [2000]
        await bench.assert_balanced()

    async def test_debt_is_paid_from_a_lot_beside_a_hold(self, bench: Bench) -> None:
        """Minutes for recordings alone free those that a recording held, which pay what is owed."""
        who = await bench.act("add_user")
        await granted(bench, who, 1000, 24)
        await bench.act("hold", Reservation(uuid4(), who.user_id, 1000, "test"))
        await bench.act("book", who.user_id, "adjustment", "dispute", -1500)

        await granted(bench, who, 600, 24, live=False)

        assert await left(bench, who) == [400, 600]
        assert await bench.act("balance", who.user_id) == Balance(1000, 1000, 900, False, 1000, 600)
        await bench.assert_balanced()

    async def test_debt_is_paid_from_what_a_renewal_frees(self, bench: Bench) -> None:
        """A hold that shrinks for a newcomer pays what is owed out of the lot that it lay on."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user")
        await granted(bench, who, 30_000, 24)
        session_id, _ = await opened(ledger, who)
        await bench.act("book", who.user_id, "adjustment", "dispute", -30_000)
        await opened(ledger, who)

        await renewed(ledger, session_id, 0, 1000)

        assert await bench.act("balance", who.user_id) == Balance(15_000, 15_000, 15_000)
        assert await left(bench, who) == [15_000]
        await bench.assert_balanced()

    async def test_what_lasts_is_taken_back_of_what_lasts(self, bench: Bench) -> None:
        """A refunded purchase doesn't turn a plan's minutes into minutes that never run out."""
        who = await bench.act("add_user", 2000)
        await granted(bench, who, 5000, 24)

        await bench.act("book", who.user_id, "adjustment", "refund", -2500)

        assert await left(bench, who) == [4500]
        assert await bench.act("balance", who.user_id) == Balance(4500, 0, 0)
        await bench.assert_balanced()

    async def test_a_refund_takes_back_of_its_lot(self, bench: Bench) -> None:
        """What is left of it; what of it was spent is taken from other credit, or owed."""
        who = await bench.act("add_user", 1000)
        key = await granted(bench, who, 10_000, 24)
        await used(bench, who.user_id, 4000)

        half = await bench.act("claim_lot", key, 5000)
        again = await bench.act("claim_lot", key, 5000)
        whole = await bench.act("claim_lot", key, 10_000)
        won = await bench.act("claim_lot", key, 0)

        assert half == again == Balance(2000, 0, 0)
        assert whole == Balance(0, 0, 3000)
        assert won == Balance(7000, 0, 0)
        assert await left(bench, who) == [6000]
        assert await bench.act("claim_lot", "unknown", 5) is None
        await bench.assert_balanced()

    async def test_a_refund_waits_for_holds(self, bench: Bench) -> None:
        """What a stream holds of a refunded lot is taken back when it ends, the used part owed."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 1000)
        key = await granted(bench, who, 40_000, 24)
        session_id, _ = await opened(ledger, who)

        taken = await bench.act("claim_lot", key, 40_000)
        await ledger.close(end_of(session_id, 10_000))

        assert taken == Balance(31_000, 30_000, 0)
        assert await bench.act("balance", who.user_id) == Balance(0, 0, 9000)
        await bench.assert_balanced()

    async def test_what_ran_out_is_not_taken_back_again(self, bench: Bench) -> None:
        """A refund after the end of a lot takes only what was spent beyond what is paid for."""
        who = await bench.act("add_user", 9000)
        key = await granted(bench, who, 10_000, 2)
        await used(bench, who.user_id, 4000)
        await bench.act("pass_time", who.user_id, 2)

        half = await bench.act("claim_lot", key, 5000)
        whole = await bench.act("claim_lot", key, 10_000)

        assert (half.balance_ms, whole.balance_ms) == (9000, 5000)
        await bench.assert_balanced()

    async def test_a_lot_that_comes_too_late_runs_out_at_once(self, bench: Bench) -> None:
        """It pays what is owed, and the rest is nobody's."""
        who = await bench.act("add_user", 100)
        await bench.act("book", who.user_id, "adjustment", "dispute", -300)

        await granted(bench, who, 1000, 0)

        assert await bench.act("balance", who.user_id) == Balance(0, 0, 0)
        await bench.assert_balanced()
