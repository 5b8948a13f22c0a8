"""Live sessions in a history: each spends what the ledger has set aside for it, and no more."""

from uuid import UUID, uuid4

import attrs

from relayd.identity import Principal
from relayd.ledger.holds import Policy
from relayd.session.endings import EndReason
from relayd.session.ports import Opened, OpenRefusal, OpenRequest, Renewed, Revoked, Settlement
from tests.ledger.history import Player
from tests.ledger.store import Store

__all__ = ["POLICY", "Speakers"]

POLICY = Policy(hold_ms=3000, streams_per_user=2)


@attrs.define(eq=False)
class Speakers:
    """The sessions of some users."""

    store: Store
    boot_id: UUID = attrs.field(factory=uuid4)
    live: list[tuple[Principal, Player]] = attrs.field(factory=list)
    used_ms: dict[UUID, int] = attrs.field(factory=dict)

    def open(self, who: Principal) -> None:
        """A session starts, if it may."""
        request = OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")
        frozen = self.store.balance(who.user_id).frozen
        answer = self.store.open(request, self.boot_id, POLICY)
        assert (answer is OpenRefusal.CREDIT_FROZEN) is frozen
        if isinstance(answer, Opened):
            self.live.append((who, Player(request.session_id, self.boot_id, answer.held_total_ms)))

    def speak(self, place: int, percent: int) -> None:
        """One spends a part of its hold and asks for more; it ends where it is told to."""
        if not self.live:
            return
        who, player = self.live[place % len(self.live)]
        player.spend(percent)
        frozen = self.store.balance(who.user_id).frozen
        answer = self.store.renew(player.id, player.used_ms, player.used_ms, POLICY)
        # A dispute ends what is live at its next renewal, and nothing else does here.
        assert (answer is Revoked.CREDIT_FROZEN) is frozen
        match answer:
            case Renewed():
                player.held_total_ms = answer.held_total_ms
            case Revoked():
                self.hang_up(place, answer)

    def hang_up(self, place: int, revoked: Revoked | None = None) -> None:
        """One ends, and is settled."""
        if not self.live:
            return
        who, player = self.live.pop(place % len(self.live))
        reason = EndReason.COMPLETED if revoked is None else EndReason.CREDIT_FROZEN
        self.used_ms[who.user_id] = self.used_ms.get(who.user_id, 0) + player.used_ms
        self.store.close(Settlement(player.id, player.used_ms, None, reason))

    def used_of(self, user_id: UUID) -> int:
        """What a user's sessions have told the ledger that they used."""
        return self.used_ms.get(user_id, 0) + self.live_used_of(user_id)

    def live_used_of(self, user_id: UUID) -> int:
        """The same of those that are still live."""
        return sum(player.used_ms for who, player in self.live if who.user_id == user_id)

    def hang_up_all(self) -> None:
        """Every one ends."""
        while self.live:
            self.hang_up(0)
