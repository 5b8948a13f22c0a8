"""One history of one user's credit, played by a Hypothesis state machine on the fake.

The machine plays the sessions as well: each admits nothing beyond what it was told, and
promises what a session promises. A subclass plays the same on PostgreSQL and compares.
"""

from typing import Any
from uuid import UUID, uuid4

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from relayd.identity import Principal
from relayd.ledger.holds import Policy
from relayd.session.endings import EndReason
from relayd.session.ports import Opened, OpenRefusal, OpenRequest, Renewed, Revoked, Settlement
from tests.fakes.books import Books

__all__ = ["POLICY", "History", "Player"]

POLICY = Policy(hold_ms=3000, streams_per_user=3)
PART = st.sampled_from([0, 1, 30, 50, 99, 100])


@attrs.define(eq=False)
class Player:
    """A session as its daemon sees it."""

    id: UUID
    held_ms: int
    used_ms: int = 0
    last_renewal: tuple[int, int] | None = None

    def spend(self, percent: int) -> None:
        """Admit a part of what is left, rounded up: the last millisecond too."""
        self.used_ms += -(-(self.held_ms - self.used_ms) * percent // 100)


class History(RuleBasedStateMachine):
    """Buy, open, renew, repeat, end, crash, sweep, adjust, disable, revoke: in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.players: list[Player] = []
        self.ended: list[Settlement] = []
        self.boots: list[UUID] = []
        self.credited_ms = 0

    def play(self, name: str, *arguments: Any) -> Any:
        """One transaction."""
        return getattr(self.books, name)(*arguments)

    @initialize(balance_ms=st.sampled_from([0, 1, 2, 999, 1000, 1001, 5000, 9000, 50_000]))
    def sign_up(self, balance_ms: int) -> None:
        """Two daemons, one user."""
        self.boots = [uuid4(), uuid4()]
        self.who = Principal.signed_in(uuid4(), uuid4())
        self.play("add_user", 0, self.who)
        self.buy(max(balance_ms, 1))

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
            self.players.append(Player(request.session_id, first.held_ms))

    @precondition(lambda self: self.players)
    @rule(which=st.integers(0, 5), spent=PART, kept=PART)
    def renew(self, which: int, spent: int, kept: int) -> None:
        """A session spends, promises to keep to a part of the rest, and asks for more."""
        player = self.players[which % len(self.players)]
        player.spend(spent)
        keep_ms = player.used_ms + (player.held_ms - player.used_ms) * kept // 100
        # A session keeps its promise whether or not it hears the answer.
        player.held_ms = keep_ms
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
            player.last_renewal = (player.used_ms, player.held_ms)
            asked.append((player.id, *player.last_renewal))
        answers = self.play("renew_together", asked, POLICY)
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
        player.held_ms = player.last_renewal[1]
        self._take(player, self.play("renew", player.id, *player.last_renewal, POLICY))

    @precondition(lambda self: any(one.used_ms for one in self.players))
    @rule(which=st.integers(0, 5))
    def renew_late(self, which: int) -> None:
        """A smaller total than the recorded one changes nothing."""
        player = self.players[which % len(self.players)]
        recorded = self.books.sessions[player.id]
        if recorded.used_ms == 0:
            return
        held_ms = recorded.held_ms
        self.play("renew", player.id, recorded.used_ms - 1, recorded.used_ms - 1, POLICY)
        assert (recorded.used_ms, recorded.held_ms) >= (1, held_ms)

    @precondition(lambda self: self.players)
    @rule(which=st.integers(0, 5), spent=PART, reason=st.sampled_from(EndReason))
    def end(self, which: int, spent: int, reason: EndReason) -> None:
        """A session ends, having spent more since its last renewal; closing twice is one."""
        player = self.players.pop(which % len(self.players))
        player.spend(spent)
        settlement = Settlement(player.id, player.used_ms, player.used_ms + 7, reason)
        self.ended.append(settlement)
        first = self.play("close", settlement)
        assert self.play("close", settlement) == first
        assert self.books.sessions[player.id].end_reason is not None

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
        self.play("crash", self.boots[boot])
        self.play("sweep")
        assert self.play("sweep") == 0
        self.players = [one for one in self.players if not self.books.sessions[one.id].end_reason]
        self.boots[boot] = uuid4()

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
        for player in self.players:
            answer = self.play("renew", player.id, player.used_ms, player.held_ms, POLICY)
            assert isinstance(answer, Revoked)
        self.play("thaw", self.who.user_id)

    @precondition(lambda self: self.players)
    @rule()
    def disable(self) -> None:
        """The account is ended; its sessions hear of it and end."""
        self.play("disable", self.who.user_id)
        for player in self.players:
            answer = self.play("renew", player.id, player.used_ms, player.held_ms, POLICY)
            assert isinstance(answer, Revoked)

    @invariant()
    def balanced(self) -> None:
        """Every identity holds, nothing was spent that was not bought, nobody overshot."""
        self.books.check()
        assert sum(one.used_ms for one in self.books.sessions.values()) <= self.credited_ms
        assert self.books.overshoots == 0

    def _take(self, player: Player, answer: Renewed | Revoked) -> None:
        if isinstance(answer, Renewed):
            assert answer.held_ms >= player.held_ms, "lowered below the promise"
            account = self.books.accounts[self.who.user_id]
            assert not answer.final or account.balance_ms == answer.held_ms - player.used_ms
            player.held_ms = answer.held_ms
