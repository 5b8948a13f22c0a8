"""What every ledger must do with credit held for no live stream; fake and PostgreSQL."""

from uuid import UUID, uuid4

from relayd.ledger.balances import Reservation
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import Balance, Charged, ReservationRefusal, Reserved
from relayd.session.ports import Closed, Opened, OpenRefusal, Renewed
from tests.ledger.contract import Bench
from tests.ledger.steps import end_of, opened, renewed, request_of

__all__ = ["ReservationsContract"]


def reservation(user_id: UUID, amount_ms: int) -> Reservation:
    """So much for something that waits for its turn."""
    return Reservation(uuid4(), user_id, amount_ms, "a recording")


class ReservationsContract:
    """Subclasses give the fixture ``bench``."""

    async def test_reserves_what_is_free(self, bench: Bench) -> None:
        """What nobody holds can be set aside, all of it or nothing, and counts as held."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        await opened(ledger, who)

        too_much = await bench.act("hold", reservation(who.user_id, 70_001))
        answer = await bench.act("hold", reservation(who.user_id, 70_000))
        again = await bench.act("hold", reservation(who.user_id, 1))

        assert too_much is again is ReservationRefusal.INSUFFICIENT_CREDITS
        expected = Balance(100_000, 100_000, 0, reserved_ms=70_000)
        assert answer == Reserved(expected, repeated=False)
        assert await bench.act("balance", who.user_id) == expected
        await bench.assert_balanced()

    async def test_reserved_twice_is_once(self, bench: Bench) -> None:
        """The same again is the same; another amount or another user under its id is refused."""
        who, other = await bench.act("add_user", 9000), await bench.act("add_user", 9000)
        asked = reservation(who.user_id, 5000)

        answers = [await bench.act("hold", asked) for _ in range(2)]
        more = Reservation(asked.id, who.user_id, 5001, "a recording")
        others = Reservation(asked.id, other.user_id, 5000, "a recording")

        assert [answer.repeated for answer in answers] == [False, True]
        assert answers[0].balance == answers[1].balance == Balance(9000, 5000, 0, reserved_ms=5000)
        for taken in (more, others):
            assert await bench.act("hold", taken) is ReservationRefusal.ID_TAKEN
        await bench.assert_balanced()

    async def test_refusals_of_reservations(self, bench: Bench) -> None:
        """An unknown user and frozen credit are told apart."""
        who = await bench.act("add_user", 9000)
        unknown = await bench.act("hold", reservation(uuid4(), 1))
        await bench.act("freeze", who.user_id)

        frozen = await bench.act("hold", reservation(who.user_id, 1))

        assert unknown is ReservationRefusal.UNKNOWN_USER
        assert frozen is ReservationRefusal.CREDIT_FROZEN

    async def test_settles_once_and_gives_back_the_rest(self, bench: Bench) -> None:
        """What it cost is charged, the rest is free again, and a second time changes nothing."""
        who = await bench.act("add_user", 9000)
        asked = reservation(who.user_id, 5000)
        await bench.act("hold", asked)

        first = await bench.act("settle", asked.id, 3210)
        second = await bench.act("settle", asked.id, 5000)

        assert first == second == Charged(3210, Balance(5790, 0, 0))
        assert await bench.act("hold", asked) is ReservationRefusal.ID_TAKEN
        assert await bench.act("settle", uuid4(), 1) is None
        await bench.assert_balanced()

    async def test_settles_at_nothing(self, bench: Bench) -> None:
        """What came to nothing costs nothing."""
        who = await bench.act("add_user", 9000)
        asked = reservation(who.user_id, 9000)
        await bench.act("hold", asked)

        assert await bench.act("settle", asked.id, 0) == Charged(0, Balance(9000, 0, 0))
        await bench.assert_balanced()

    async def test_what_it_frees_pays_debt_first(self, bench: Bench) -> None:
        """A hold is not taken away by an adjustment; what it gives back pays the debt."""
        who = await bench.act("add_user", 9000)
        asked = reservation(who.user_id, 5000)
        await bench.act("hold", asked)

        taken = await bench.act("book", who.user_id, "adjustment", "dispute", -9000)
        settled = await bench.act("settle", asked.id, 1000)

        assert taken.balance == Balance(5000, 5000, 5000, reserved_ms=5000)
        assert settled == Charged(1000, Balance(0, 0, 1000))
        await bench.assert_balanced()

    async def test_streams_share_what_is_beside_it(self, bench: Bench) -> None:
        """A stream gets nothing of what is reserved, can use all else, and knows the last of it."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 50_000)
        await bench.act("hold", reservation(who.user_id, 49_000))

        first, answer = await opened(ledger, who)
        second, starved = await opened(ledger, who)
        wanted = await renewed(ledger, first, 0, 1000)
        given = await renewed(ledger, first, 0, 0)
        taken = await renewed(ledger, second, 0, 0)
        last = await renewed(ledger, second, 1000, 1000)

        assert answer == Opened(held_total_ms=1000, final=True, balance_ms=1000)
        assert (starved.held_total_ms, wanted.wanted, given.held_total_ms) == (0, True, 0)
        assert taken == Renewed(1000, final=True, wanted=True, balance_ms=1000)
        assert last == Renewed(1000, final=True, wanted=False, balance_ms=0)
        assert await ledger.balance_ms(who.user_id) == 0
        await bench.assert_balanced()

    async def test_a_share_is_of_what_is_beside_it(self, bench: Bench) -> None:
        """Holds are cut as if what is reserved were not there."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        await bench.act("hold", reservation(who.user_id, 60_000))

        first, _ = await opened(ledger, who)
        answer = await renewed(ledger, first, 0, 0)
        _, other = await opened(ledger, who)

        assert (answer.held_total_ms, answer.final, answer.balance_ms) == (30_000, False, 40_000)
        assert other.held_total_ms == 10_000
        assert (await renewed(ledger, first, 0, 0)).held_total_ms == 20_000

    async def test_nothing_beside_it_opens_nothing(self, bench: Bench) -> None:
        """Credit that is all reserved is none for a stream, until it is given back."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 5000)
        asked = reservation(who.user_id, 5000)
        await bench.act("hold", asked)

        assert await ledger.open(request_of(who)) is OpenRefusal.INSUFFICIENT_CREDITS
        await bench.act("settle", asked.id, 4000)
        session_id, answer = await opened(ledger, who)

        assert answer == Opened(held_total_ms=1000, final=True, balance_ms=1000)
        assert await ledger.close(end_of(session_id, 400)) == Closed(400, 600)

    async def test_no_daemons_end_touches_it(self, bench: Bench) -> None:
        """A sweep settles a dead daemon's sessions and leaves what waits for its turn."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 50_000)
        asked = reservation(who.user_id, 20_000)
        await bench.act("hold", asked)
        session_id, _ = await opened(ledger, who)
        await renewed(ledger, session_id, 4000, 30_000)
        await bench.crash(ledger)

        assert await bench.act("sweep") == 1
        expected = Balance(46_000, 20_000, 0, reserved_ms=20_000)
        assert await bench.act("balance", who.user_id) == expected
        assert (await bench.act("settle", asked.id, 20_000)).balance == Balance(26_000, 0, 0)
        await bench.assert_balanced()
