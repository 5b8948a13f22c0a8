"""What every ledger must do: one class of tests for the fake and for PostgreSQL."""

from typing import Any, Protocol
from uuid import UUID, uuid4

import pytest

from relayd.identity import Principal
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal
from relayd.session.ports import Closed, Ledger, Opened, OpenRefusal, Renewed, Revoked
from tests.ledger.steps import end_of, opened, renewed, request_of

__all__ = ["Bench", "LedgerContract"]


class Bench(Protocol):
    """A ledger under test, and the world around it."""

    async def ledger(self, policy: Policy) -> Ledger:
        """A further daemon's ledger on the same books."""

    def boot_of(self, ledger: Ledger) -> UUID:
        """That daemon's boot."""

    async def crash(self, ledger: Ledger) -> None:
        """That daemon dies, and the others know."""

    async def act(self, name: str, *arguments: Any) -> Any:
        """One of the transactions of `tests.fakes.books.Books`."""

    async def assert_balanced(self) -> None:
        """Every identity holds."""


class LedgerContract:
    """Subclasses give the fixture ``bench``."""

    async def test_sets_a_whole_hold_aside(self, bench: Bench) -> None:
        """With enough credit a session holds what the policy says, and no more."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 600_000)

        _, answer = await opened(ledger, who)

        assert answer == Opened(held_total_ms=30_000, final=False, balance_ms=600_000)
        assert await bench.act("balance", who.user_id) == Balance(600_000, 30_000, 0)

    async def test_small_balance_is_held_whole_and_final(self, bench: Bench) -> None:
        """A balance below the hold is all set aside, and the session knows it is the last."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 7)

        _, answer = await opened(ledger, who)

        assert answer == Opened(held_total_ms=7, final=True, balance_ms=7)

    async def test_open_repeated_is_one_session(self, bench: Bench) -> None:
        """The same id again gives the same session and holds nothing more."""
        ledger = await bench.ledger(Policy(30_000, 1))
        who = await bench.act("add_user", 600_000)
        request = request_of(who)

        assert await ledger.open(request) == await ledger.open(request)
        assert (await bench.act("balance", who.user_id)).held_ms == 30_000

    async def test_the_last_of_the_credit_is_so_again(self, bench: Bench) -> None:
        """Asked again, a session whose hold is final hears so again."""
        ledger = await bench.ledger(Policy(30_000, 1))
        who = await bench.act("add_user", 7)
        request = request_of(who)

        answers = [await ledger.open(request) for _ in range(2)]
        await renewed(ledger, request.session_id, 3, 7)
        later = await ledger.open(request)

        assert answers == [Opened(held_total_ms=7, final=True, balance_ms=7)] * 2
        assert later == Opened(held_total_ms=7, final=True, balance_ms=4)

    async def test_a_newcomer_gets_an_equal_part(self, bench: Bench) -> None:
        """Where it doesn't come to a whole hold for each, free credit is left for the others."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 10_000)
        await opened(ledger, who)
        await bench.act("book", who.user_id, "grant", "top-up", 40_000)

        _, answer = await opened(ledger, who)

        assert answer == Opened(held_total_ms=25_000, final=False, balance_ms=50_000)

    async def test_who_comes_last_takes_nothing_from_who_starves(self, bench: Bench) -> None:
        """What became free is for those that waited: a new session begins with nothing of it."""
        ledger = await bench.ledger(Policy(30_000, 3))
        who = await bench.act("add_user", 900)
        await opened(ledger, who)
        waiting, _ = await opened(ledger, who)
        await bench.act("book", who.user_id, "grant", "top-up", 100)

        _, last = await opened(ledger, who)
        answer = await renewed(ledger, waiting, 0, 0)

        assert last == Opened(held_total_ms=0, final=False, balance_ms=1000)
        assert answer.held_total_ms == 100

    async def test_refusals(self, bench: Bench) -> None:
        """No credit, too many sessions, an ended sign-in and an unknown user are told apart."""
        ledger = await bench.ledger(Policy(30_000, 1))
        poor, rich = await bench.act("add_user"), await bench.act("add_user", 100_000)
        out = await bench.act("add_user", 100_000)
        await bench.act("revoke", out.sign_in_id)
        await opened(ledger, rich)

        answers = [
            await ledger.open(request_of(who)) for who in (poor, rich, out, Principal(uuid4()))
        ]

        assert answers == [
            OpenRefusal.INSUFFICIENT_CREDITS,
            OpenRefusal.TOO_MANY_SESSIONS,
            OpenRefusal.AUTH_REVOKED,
            OpenRefusal.AUTH_REVOKED,
        ]

    async def test_cap_counts_every_daemon(self, bench: Bench) -> None:
        """The cap of live sessions holds across daemons."""
        first, second = await bench.ledger(Policy()), await bench.ledger(Policy())
        who = await bench.act("add_user", 600_000)
        await opened(first, who)
        await opened(second, who)

        assert await second.open(request_of(who)) is OpenRefusal.TOO_MANY_SESSIONS

    async def test_sign_in_must_exist(self, bench: Bench) -> None:
        """A token of a family that the user does not have opens nothing."""
        ledger = await bench.ledger(Policy())
        who = await bench.act("add_user", 1000)

        answer = await ledger.open(request_of(Principal.signed_in(who.user_id, uuid4())))

        assert answer is OpenRefusal.AUTH_REVOKED

    async def test_renewal_charges_and_extends(self, bench: Bench) -> None:
        """A running total is charged once, and the hold is filled up again."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 600_000)
        session_id, _ = await opened(ledger, who)

        first = await renewed(ledger, session_id, 15_000, 30_000)
        again = await renewed(ledger, session_id, 15_000, 30_000)

        assert first == again == Renewed(45_000, final=False, wanted=False, balance_ms=585_000)
        await bench.assert_balanced()

    async def test_late_total_changes_nothing(self, bench: Bench) -> None:
        """A total below the recorded one neither gives money back nor lowers the hold."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 600_000)
        session_id, _ = await opened(ledger, who)
        now = await renewed(ledger, session_id, 15_000, 30_000)

        assert await renewed(ledger, session_id, 1, 1) == now

    async def test_top_up_is_seen_at_the_next_renewal(self, bench: Bench) -> None:
        """A session on its last credit goes on when more was bought."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 1000)
        session_id, first = await opened(ledger, who)
        await bench.act("book", who.user_id, "grant", "top-up", 100_000)

        answer = await renewed(ledger, session_id, 1000, 1000)

        assert first.final
        assert answer == Renewed(31_000, final=False, wanted=False, balance_ms=100_000)

    async def test_idle_session_gives_to_a_starving_one(self, bench: Bench) -> None:
        """Credit held by a silent session is wanted, offered, and used by the other to the end."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 900)
        silent, _ = await opened(ledger, who)
        speaking, starved = await opened(ledger, who)

        wanted = await renewed(ledger, silent, 0, 900)
        given = await renewed(ledger, silent, 0, 0)
        taken = await renewed(ledger, speaking, 0, 0)

        assert (starved.held_total_ms, starved.final) == (0, False)
        assert (wanted.held_total_ms, wanted.wanted) == (900, True)
        assert given.held_total_ms == 0
        assert (taken.held_total_ms, taken.final) == (900, True)
        await bench.assert_balanced()

    async def test_the_last_millisecond_is_wanted_too(self, bench: Bench) -> None:
        """However little it is that one session holds and another starves for."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 1)
        holder, _ = await opened(ledger, who)
        await opened(ledger, who)

        answer = await renewed(ledger, holder, 0, 1)

        assert (answer.held_total_ms, answer.wanted) == (1, True)

    async def test_promise_is_never_broken(self, bench: Bench) -> None:
        """However many starve, a hold is not lowered below what its session may be using."""
        ledger = await bench.ledger(Policy(30_000, 3))
        who = await bench.act("add_user", 5000)
        session_id, _ = await opened(ledger, who)
        await opened(ledger, who)
        await opened(ledger, who)

        answer = await renewed(ledger, session_id, 1000, 4000)

        assert answer.held_total_ms >= 4000

    async def test_ended_sign_in_is_not_renewed(self, bench: Bench) -> None:
        """After a log-out what was used is charged, and the hold stays until the close."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        session_id, _ = await opened(ledger, who)
        await bench.act("revoke", who.sign_in_id)

        assert await ledger.renew(session_id, 10_000, 30_000) is Revoked.SIGN_IN_ENDED
        assert await bench.act("balance", who.user_id) == Balance(90_000, 20_000, 0)
        assert await ledger.close(end_of(session_id, 12_000)) == Closed(12_000, 88_000)

    @pytest.mark.parametrize("expired", [False, True])
    async def test_an_ended_key_is_not_renewed(self, bench: Bench, expired: bool) -> None:
        """A key that was revoked, or ran out, ends its own sessions and opens none."""
        ledger = await bench.ledger(Policy(30_000, 4))
        who = await bench.act("add_user", 100_000)
        key, other = await bench.act("add_key", who), await bench.act("add_key", who)
        session_id, _ = await opened(ledger, key)
        others_id, _ = await opened(ledger, other)
        await bench.act("end_key", key.key_id, expired)

        assert await ledger.renew(session_id, 1_000, 30_000) is Revoked.SIGN_IN_ENDED
        assert isinstance(await ledger.renew(others_id, 1_000, 30_000), Renewed)
        assert await ledger.open(request_of(key)) is OpenRefusal.AUTH_REVOKED

    async def test_disabled_user_is_not_renewed(self, bench: Bench) -> None:
        """A disabled account ends its sessions at their next renewal."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        session_id, _ = await opened(ledger, Principal(who.user_id))
        await bench.act("disable", who.user_id)

        assert await ledger.renew(session_id, 0, 30_000) is Revoked.SIGN_IN_ENDED

    async def test_close_settles_once(self, bench: Bench) -> None:
        """The first close charges and gives the rest back; a second one changes nothing."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 100_000)
        session_id, _ = await opened(ledger, who)

        first = await ledger.close(end_of(session_id, 12_345))
        second = await ledger.close(end_of(session_id, 30_000))

        assert first == second == Closed(12_345, 87_655)
        assert await bench.act("balance", who.user_id) == Balance(87_655, 0, 0)
        assert await ledger.renew(session_id, 1, 1) is Revoked.SESSION_SETTLED
        await bench.assert_balanced()

    async def test_close_of_an_unknown_session_charges_nothing(self, bench: Bench) -> None:
        """A session whose opening was never recorded owes nothing."""
        ledger = await bench.ledger(Policy())

        assert await ledger.close(end_of(uuid4(), 5)) == Closed(0, 0)

    async def test_dead_daemon_is_charged_for_what_it_recorded(self, bench: Bench) -> None:
        """A sweep charges the last recorded total, frees the rest, and leaves others alone."""
        dead, alive = await bench.ledger(Policy()), await bench.ledger(Policy())
        who = await bench.act("add_user", 100_000)
        lost, _ = await opened(dead, who)
        kept, _ = await opened(alive, who)
        await renewed(dead, lost, 4000, 30_000)
        await bench.crash(dead)

        assert await bench.act("sweep") == 1
        assert await bench.act("balance", who.user_id) == Balance(96_000, 30_000, 0)
        assert await dead.renew(lost, 9000, 30_000) is Revoked.SESSION_SETTLED
        assert await dead.close(end_of(lost, 9000)) == Closed(4000, 96_000)
        await renewed(alive, kept, 1, 30_000)
        await bench.assert_balanced()

    async def test_debt_is_paid_first(self, bench: Bench) -> None:
        """What an adjustment can't take stands as debt, and the next credit pays it."""
        who = await bench.act("add_user", 1000)

        taken = await bench.act("book", who.user_id, "adjustment", "dispute", -3000)
        given = await bench.act("book", who.user_id, "grant", "top-up", 2500)

        assert taken == Booked(Balance(0, 0, 2000), repeated=False)
        assert given == Booked(Balance(500, 0, 0), repeated=False)
        await bench.assert_balanced()

    async def test_adjustment_leaves_holds_and_debt_takes_what_they_free(
        self, bench: Bench
    ) -> None:
        """A hold in use is not touched; what it gives back pays the debt."""
        ledger = await bench.ledger(Policy(30_000, 2))
        who = await bench.act("add_user", 40_000)
        session_id, _ = await opened(ledger, who)

        taken = await bench.act("book", who.user_id, "adjustment", "dispute", -40_000)
        closed = await ledger.close(end_of(session_id, 10_000))

        assert taken.balance == Balance(30_000, 30_000, 30_000)
        assert closed == Closed(10_000, 0)
        assert await bench.act("balance", who.user_id) == Balance(0, 0, 10_000)
        await bench.assert_balanced()

    async def test_booking_key_books_once(self, bench: Bench) -> None:
        """The same key again is the same booking; with another amount it is refused."""
        who = await bench.act("add_user")

        answers = [
            await bench.act("book", who.user_id, "grant", "k", amount) for amount in (5, 5, 6)
        ]

        assert answers == [
            Booked(Balance(5, 0, 0), repeated=False),
            Booked(Balance(5, 0, 0), repeated=True),
            BookingRefusal.KEY_TAKEN,
        ]
        refused = await bench.act("book", uuid4(), "grant", "x", 5)
        assert refused is BookingRefusal.UNKNOWN_USER

    async def test_balance_of_a_user(self, bench: Bench) -> None:
        """The port tells what a user has, holds included; nothing for an unknown one."""
        ledger = await bench.ledger(Policy())
        who = await bench.act("add_user", 1234)
        await opened(ledger, who)

        assert await ledger.balance_ms(who.user_id) == 1234
