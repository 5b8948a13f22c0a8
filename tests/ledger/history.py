"""One history of one user's credit, played by a Hypothesis state machine on the fake.

The machine plays the sessions as well: each admits nothing beyond what it was told, and
promises what a session promises. A subclass plays the same on PostgreSQL and compares.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from relayd.errors import LedgerUnavailable
from relayd.identity import Principal
from relayd.ledger.balances import Reservation
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import BookingRefusal, ReservationRefusal, Reserved
from relayd.session.endings import EndReason
from relayd.session.ports import Opened, OpenRefusal, OpenRequest, Renewed, Revoked, Settlement
from tests.fakes.books import Books

__all__ = ["POLICY", "History", "Player", "outcome_of"]

POLICY = Policy(hold_ms=3000, streams_per_user=3)
PART = st.sampled_from([0, 1, 30, 50, 99, 100])


@attrs.define(eq=False)
class Player:
    """A session as its daemon sees it."""

    id: UUID
    boot_id: UUID
    held_total_ms: int
    used_ms: int = 0
    last_renewal: tuple[int, int] | None = None
    # Whether it may be admitting audio: its last grant is not so old that it went quiet.
    in_lease: bool = True

    def spend(self, percent: int) -> None:
        """Admit a part of what is left, rounded up: the last millisecond too."""
        self.used_ms += -(-(self.held_total_ms - self.used_ms) * percent // 100)


def outcome_of(transaction: Callable[..., Any], *arguments: Any) -> Any:
    """What it answers; the exception's type where the ledger refuses for now."""
    try:
        return transaction(*arguments)
    except LedgerUnavailable:
        return LedgerUnavailable


class History(RuleBasedStateMachine):
    """Buy, open, renew, repeat, end, crash, bury, come back, sweep, adjust: in any order.

    Every answer may be lost: then the same is asked again, or the session ends without it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.players: list[Player] = []
        self.ended: list[Settlement] = []
        self.boots: list[UUID] = []
        # As a sweeper saw them last, and whether they let anybody spend since.
        self.seen: dict[UUID, int] = {}
        self.granted: set[UUID] = set()
        self.reserved: list[Reservation] = []
        self.lots: list[tuple[str, int]] = []
        self.credited_ms = 0

    def play(self, name: str, *arguments: Any) -> Any:
        """One transaction."""
        return outcome_of(getattr(self.books, name), *arguments)

    @initialize(
        balance_ms=st.sampled_from([0, 1, 2, 999, 1000, 1001, 5000, 9000, 50_000]),
        lots=st.booleans(),
    )
    def sign_up(self, balance_ms: int, lots: bool) -> None:
        """Two daemons, one user; half of them have minutes that run out from the beginning."""
        self.boots = [uuid4(), uuid4()]
        for boot_id in self.boots:
            self.play("register", boot_id)
        self.who = Principal.signed_in(uuid4(), uuid4())
        self.play("add_user", 0, self.who)
        self.buy(max(balance_ms, 1))
        if lots:
            self.grant_lot(4000, 3, True)
            self.grant_lot(2500, 2, False)
            self.grant_lot(3000, 1, True)

    @rule(amount_ms=st.integers(1, 10_000))
    def buy(self, amount_ms: int) -> None:
        """Credit comes in; a retry of the same booking adds nothing."""
        key = str(uuid4())
        first = self.play("book", self.who.user_id, "grant", key, amount_ms)
        again = self.play("book", self.who.user_id, "grant", key, amount_ms)
        assert not first.repeated
        assert again.repeated
        assert again.balance == first.balance
        self.credited_ms += amount_ms

    @rule(amount_ms=st.integers(-20_000, 5000).filter(bool))
    def adjust(self, amount_ms: int) -> None:
        """A correction up or down, also below what is there."""
        self.play("book", self.who.user_id, "adjustment", str(uuid4()), amount_ms)
        self.credited_ms += max(0, amount_ms)

    @rule(boot=st.integers(0, 1))
    def open(self, boot: int) -> None:
        """A session starts, in either daemon; asked twice, it is the same one."""
        request = OpenRequest(uuid4(), self.who, "engine", "model", "192.0.2.1")
        first = self.play("open", request, self.boots[boot], POLICY)
        again = self.play("open", request, self.boots[boot], POLICY)
        assert first == again
        if isinstance(first, Opened):
            self.granted.add(self.boots[boot])
            player = Player(request.session_id, self.boots[boot], first.held_total_ms)
            self.players.append(player)

    @rule(boot=st.integers(0, 1), arrives=st.booleans())
    def lose_opening(self, boot: int, arrives: bool) -> None:
        """An opening is never answered, or never arrives: it is settled at nothing, for good."""
        request = OpenRequest(uuid4(), self.who, "engine", "model", "192.0.2.1")
        held_ms = self.books.accounts[self.user_id].held_ms
        if arrives and isinstance(self.play("open", request, self.boots[boot], POLICY), Opened):
            self.granted.add(self.boots[boot])
        opened = self.books.sessions.get(request.session_id)
        settlement = Settlement(
            request.session_id, 0, None, EndReason.SERVICE_UNAVAILABLE, unanswered=request
        )
        assert self.play("close", settlement).charged_ms == 0
        assert self.play("close", settlement).charged_ms == 0
        if opened is not None:
            again = self.play("open", request, self.boots[boot], POLICY)
            assert again is OpenRefusal.SESSION_SETTLED
        assert self.books.accounts[self.user_id].held_ms == held_ms

    @precondition(lambda self: self.players)
    @rule(which=st.integers(0, 5), spent=PART, kept=PART)
    def renew(self, which: int, spent: int, kept: int) -> None:
        """A session spends, promises to keep to a part of the rest, and asks for more."""
        player = self.players[which % len(self.players)]
        player.spend(spent)
        keep_ms = player.used_ms + (player.held_total_ms - player.used_ms) * kept // 100
        # A session keeps its promise whether or not it hears the answer.
        player.held_total_ms = keep_ms
        player.last_renewal = (player.used_ms, keep_ms)
        self._take(player, self.play("renew", player.id, player.used_ms, keep_ms, POLICY))

    @precondition(lambda self: len(self.players) > 1)
    @rule(spent=st.lists(PART, min_size=3, max_size=3), backwards=st.booleans())
    def renew_together(self, spent: list[int], backwards: bool) -> None:
        """Several sessions renew in one transaction, as if one after the other."""
        players = self.players[::-1] if backwards else self.players
        asked = []
        for player, percent in zip(players, spent, strict=False):
            player.spend(percent)
            player.last_renewal = (player.used_ms, player.held_total_ms)
            asked.append((player.id, *player.last_renewal))
        answers = self.play("renew_together", asked, POLICY)
        if answers is LedgerUnavailable:
            return
        for player, answer in zip(players, answers, strict=False):
            self._take(player, answer)

    @precondition(lambda self: any(one.last_renewal for one in self.players))
    @rule(which=st.integers(0, 5))
    def repeat_renewal(self, which: int) -> None:
        """A renewal whose answer was lost is sent again."""
        renewed = [player for player in self.players if player.last_renewal]
        player = renewed[which % len(renewed)]
        assert player.last_renewal is not None
        if player.used_ms > player.last_renewal[1]:
            return  # It moved on with what it was told since.
        player.held_total_ms = player.last_renewal[1]
        self._take(player, self.play("renew", player.id, *player.last_renewal, POLICY))

    @precondition(lambda self: any(one.used_ms for one in self.players))
    @rule(which=st.integers(0, 5))
    def renew_late(self, which: int) -> None:
        """A smaller total than the recorded one changes nothing."""
        player = self.players[which % len(self.players)]
        recorded = self.books.sessions[player.id]
        if recorded.used_ms == 0:
            return
        held_ms = recorded.held_total_ms
        self.play("renew", player.id, recorded.used_ms - 1, recorded.used_ms - 1, POLICY)
        assert (recorded.used_ms, recorded.held_total_ms) >= (1, held_ms)

    @precondition(lambda self: self.players)
    @rule(which=st.integers(0, 5), spent=PART, reason=st.sampled_from(EndReason))
    def end(self, which: int, spent: int, reason: EndReason) -> None:
        """A session ends, having spent more since its last renewal; closing twice is one."""
        player = self.players.pop(which % len(self.players))
        player.spend(spent)
        settlement = Settlement(player.id, player.used_ms, player.used_ms + 7, reason)
        self.ended.append(settlement)
        first = self.play("close", settlement)
        # Its answer was lost.
        assert self.play("close", settlement) == first
        assert self.books.sessions[player.id].end_reason is not None

    @rule(boot=st.integers(0, 1), spent=PART)
    def talk(self, boot: int, spent: int) -> None:
        """A session from its beginning to its end, beside all others."""
        others = len(self.players)
        self.open(boot)
        if len(self.players) > others:
            self.end(others, spent, EndReason.COMPLETED)

    @precondition(lambda self: self.players and self.lots)
    @rule(boot=st.integers(0, 1), hours=st.integers(1, 3), together=st.booleans())
    def outlast(self, boot: int, hours: int, together: bool) -> None:
        """Lots run out under two sessions: one used all it held, the other lets go for it."""
        self.open(boot)
        last = len(self.players) - 1
        self.pass_time(hours, looks=False)
        if together and last:
            self.renew_together([100, 0, 0], backwards=True)
        else:
            self.renew(last, spent=100, kept=0)
        self.renew(max(last - 1, 0), spent=0, kept=0)

    @precondition(lambda self: self.ended)
    @rule(which=st.integers(0, 5))
    def touch_ended(self, which: int) -> None:
        """What is settled stays settled."""
        settlement = self.ended[which % len(self.ended)]
        self.play("close", settlement)
        used_ms = settlement.used_ms
        assert self.play("renew", settlement.session_id, used_ms, used_ms, POLICY) is (
            Revoked.SESSION_SETTLED
        )

    @rule(boot=st.integers(0, 1))
    def crash_and_sweep(self, boot: int) -> None:
        """A daemon dies with what it had not recorded; another one settles, and it restarts."""
        self._go_quiet(self.boots[boot])
        self.play("crash", self.boots[boot])
        self.sweep()
        self.boots[boot] = uuid4()
        self.play("register", self.boots[boot])

    @rule(boot=st.integers(0, 1))
    def look(self, boot: int) -> None:
        """A sweeper looks whether a daemon has beaten."""
        boot_id = self.boots[boot]
        pulse = self.play("pulse", boot_id)
        if pulse is not None:
            self.seen[boot_id] = pulse.beats
            self.granted.discard(boot_id)

    @precondition(lambda self: self.seen)
    @rule(which=st.integers(0, 1))
    def bury(self, which: int) -> None:
        """A beat stood still for longer than any lease; not so where anybody was let spend."""
        boot_id = list(self.seen)[which % len(self.seen)]
        if self.play("bury", boot_id, self.seen[boot_id]):
            assert boot_id not in self.granted
            self._go_quiet(boot_id)

    @rule(boot=st.integers(0, 1))
    def beat(self, boot: int) -> None:
        """A daemon beats, perhaps after it was taken for dead."""
        self.play("beat", self.boots[boot])

    @rule()
    def sweep(self) -> None:
        """What the dead left open is settled, and nobody who may still be spending."""
        self.play("sweep")
        assert self.play("sweep") == 0
        for player in self.players:
            assert not (player.in_lease and self.books.sessions[player.id].end_reason)
        self.players = [one for one in self.players if not self.books.sessions[one.id].end_reason]

    @rule(amount_ms=st.sampled_from([1, 500, 1000, 3000, 9000]), again=st.booleans())
    def reserve(self, amount_ms: int, again: bool) -> None:
        """Something that is no stream sets credit aside; asked twice, it is the same."""
        asked = Reservation(uuid4(), self.user_id, amount_ms, "test")
        self.play("expire", self.user_id)
        before = self.play("balance", self.user_id)
        answer = self.play("hold", asked)
        if isinstance(answer, Reserved):
            assert answer.balance.held_ms == before.held_ms + amount_ms
            self.reserved.append(asked)
        else:
            assert before.balance_ms - before.held_ms < amount_ms
        if again:
            repeated = self.play("hold", asked)
            assert isinstance(repeated, Reserved) is isinstance(answer, Reserved)

    @precondition(lambda self: self.reserved)
    @rule(which=st.integers(0, 5), part=PART)
    def settle_reservation(self, which: int, part: int) -> None:
        """It ends, and costs a part of what it holds; settled twice is once."""
        asked = self.reserved.pop(which % len(self.reserved))
        charged_ms = -(-asked.amount_ms * part // 100)
        first = self.play("settle", asked.id, charged_ms)
        assert first.charged_ms == charged_ms
        assert self.play("settle", asked.id, 0) == first
        assert self.play("hold", asked) is ReservationRefusal.ID_TAKEN

    @rule(amount_ms=st.integers(1, 9000), hours=st.integers(-1, 4), live=st.booleans())
    def grant_lot(self, amount_ms: int, hours: int, live: bool) -> None:
        """Minutes of a plan come in, perhaps too late; granted twice, they are one lot."""
        key = str(uuid4())
        first = self.play("grant_lot", self.user_id, key, amount_ms, hours, live)
        again = self.play("grant_lot", self.user_id, key, amount_ms, hours + 1, live)
        assert (first.repeated, again.repeated) == (False, True)
        assert again.balance == first.balance
        taken = self.play("grant_lot", self.user_id, key, amount_ms + 1, hours, live)
        assert taken is BookingRefusal.KEY_TAKEN
        self.lots.append((key, amount_ms))
        self.credited_ms += amount_ms

    @precondition(lambda self: self.lots)
    @rule(which=st.integers(0, 5), part=PART)
    def refund_lot(self, which: int, part: int) -> None:
        """So much of a lot's price is gone by now; told twice, it is gone once."""
        key, amount_ms = self.lots[which % len(self.lots)]
        first = self.play("claim_lot", key, amount_ms * part // 100)
        assert self.play("claim_lot", key, amount_ms * part // 100) == first

    @precondition(lambda self: self.lots)
    @rule(hours=st.integers(1, 3), looks=st.booleans())
    def pass_time(self, hours: int, looks: bool) -> None:
        """Lots run out, and somebody looks for that, or nobody does."""
        self.play("pass_time", self.user_id, hours)
        if looks:
            self.play("expire", self.user_id)

    @rule()
    def revoke(self) -> None:
        """The user signs out, and in again."""
        assert self.who.sign_in_id is not None
        self.play("revoke", self.who.sign_in_id)
        self.who = Principal.signed_in(self.who.user_id, uuid4())
        self.play("sign_in", self.who)

    @rule()
    def dispute(self) -> None:
        """A payment is disputed: nothing is opened or renewed; decided, all goes on."""
        self.play("freeze", self.who.user_id)
        request = OpenRequest(uuid4(), self.who, "engine", "model", "192.0.2.1")
        assert isinstance(self.play("open", request, self.boots[0], POLICY), OpenRefusal)
        self._assert_nobody_is_renewed()
        self.play("thaw", self.who.user_id)

    @precondition(lambda self: self.players)
    @rule()
    def disable(self) -> None:
        """The account is ended; its sessions hear of it and end."""
        self.play("disable", self.who.user_id)
        self._assert_nobody_is_renewed()

    def teardown(self) -> None:
        """Leave nothing for another history's sweeper."""
        if self.boots:
            self.play("sweep")

    @invariant()
    def balanced(self) -> None:
        """Every identity holds, nothing was spent that was not bought, nobody overshot."""
        self.books.check()
        charged_ms = sum(one.charged_ms or 0 for one in self.books.reservations.values())
        used_ms = sum(one.used_ms for one in self.books.sessions.values())
        assert used_ms + charged_ms <= self.credited_ms
        held_ms = sum(one.amount_ms for one in self.reserved)
        assert self.books.accounts[self.user_id].reserved_ms == held_ms
        assert self.books.overshoots == 0

    @property
    def user_id(self) -> UUID:
        """The user's."""
        return self.who.user_id

    def _go_quiet(self, boot_id: UUID) -> None:
        """So much time has passed that no session of a daemon admits audio without a renewal."""
        for player in self.players:
            player.in_lease = player.in_lease and player.boot_id != boot_id

    def _assert_nobody_is_renewed(self) -> None:
        for player in self.players:
            answer = self.play("renew", player.id, player.used_ms, player.held_total_ms, POLICY)
            buried = self.books.boots[player.boot_id].ended
            assert answer is LedgerUnavailable if buried else isinstance(answer, Revoked)

    def _take(self, player: Player, answer: Renewed | Revoked | type[LedgerUnavailable]) -> None:
        if isinstance(answer, Renewed):
            self.granted.add(player.boot_id)
            player.in_lease = True
            assert answer.held_total_ms >= player.held_total_ms, "lowered below the promise"
            assert not answer.final or answer.balance_ms == answer.held_total_ms - player.used_ms
            player.held_total_ms = answer.held_total_ms
