"""What a ledger's database holds, in memory, and its transactions as plain methods.

The rules are written a second time here, not imported, so that a slip in one of them shows
as a difference from PostgreSQL.
"""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID, uuid4

import attrs

from relayd.errors import LedgerUnavailable
from relayd.identity import Principal
from relayd.ledger.boots import Pulse
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import (
    SWEPT,
)
from relayd.session.ports import (
    Closed,
    Opened,
    OpenRefusal,
    OpenRequest,
    Renewed,
    Revoked,
    Settlement,
)
from tests.fakes.balances import FakeCredit
from tests.fakes.lots import FakeLots
from tests.fakes.rows import FakeAccount, FakeBoot, FakeEntry, FakeSession

__all__ = ["Books"]


@attrs.define(eq=False)
class Books(FakeCredit):
    """Everything a database would hold. Its methods are the transactions, without I/O."""

    sessions: dict[UUID, FakeSession] = attrs.field(factory=dict)
    sign_ins: set[UUID] = attrs.field(factory=set)
    keys: set[UUID] = attrs.field(factory=set)
    boots: dict[UUID, FakeBoot] = attrs.field(factory=dict)
    # Within this hour, whatever the clock says.
    paid_lost_ms: Counter[UUID] = attrs.field(factory=Counter)
    overshoots: int = 0
    ticks: int = 0

    def add_user(self, balance_ms: int = 0, who: Principal | None = None) -> Principal:
        """A user who signed in once, with this much credit granted."""
        who = who or Principal.signed_in(uuid4(), uuid4())
        self.accounts[who.user_id] = FakeAccount()
        self.purses[who.user_id] = FakeLots(who.user_id, self.accounts[who.user_id])
        self.sign_in(who)
        if balance_ms:
            self.book(who.user_id, "grant", str(uuid4()), balance_ms)
        return who

    def disable(self, user_id: UUID) -> None:
        """End an account."""
        self.accounts[user_id].disabled = True

    def sign_in(self, who: Principal) -> None:
        """A further sign-in of a user."""
        if who.sign_in_id is not None:
            self.sign_ins.add(who.sign_in_id)

    def revoke(self, sign_in_id: UUID) -> None:
        """End a sign-in."""
        self.sign_ins.discard(sign_in_id)

    def add_key(self, who: Principal) -> Principal:
        """A key of a user: who comes in with it."""
        keyed = Principal.by_key(who.user_id, uuid4(), who.scopes)
        assert keyed.key_id is not None
        self.keys.add(keyed.key_id)
        return keyed

    def end_key(self, key_id: UUID, expired: bool) -> None:
        """Revoke a key, or let it run out."""
        self.keys.discard(key_id)

    def open(self, request: OpenRequest, boot_id: UUID, policy: Policy) -> Opened | OpenRefusal:
        """See `relayd.session.ports.Ledger.open`."""
        self.ticks += 1
        self.register(boot_id)
        session = self.sessions.get(request.session_id)
        user_id = request.principal.user_id
        with self._whole(user_id):
            self._collect(user_id)
            if session is None:
                self._end_continued(request)
            refusal = self._refusal(request, session, policy)
            if refusal is not None:
                return refusal
            self._vouch({boot_id})
        if session is None:
            session = self.sessions[request.session_id] = FakeSession(request, boot_id)
            session.paid_ms = self._continue(request)
            self._set_unused(session, self._fair(session, 0, policy))
        ours = self._for_streams(user_id)
        final = ours == session.held_total_ms - session.used_ms
        return Opened(session.held_total_ms, final, ours, session.paid_ms)

    def _continued(self, request: OpenRequest) -> FakeSession | None:
        asked = request.continues
        before = None if asked is None else self.sessions.get(asked.session_id)
        if before is None or before.request.principal.user_id != request.principal.user_id:
            return None
        return before

    def _end_continued(self, request: OpenRequest) -> None:
        before = self._continued(request)
        if before is None or before.end_reason is not None or self._revoked(request.principal):
            return
        self._settle(before, "swept")

    def _continue(self, request: OpenRequest) -> int:
        asked, before = request.continues, self._continued(request)
        if asked is None or before is None or before.continued:
            return 0
        most_ms, user_id = asked.most_ms, request.principal.user_id
        ours = {"swept", "server_draining", "upstream_closed", "internal_error"}
        lost = before.end_reason in {"client_gone", "slow_client"}
        if lost:
            most_ms = min(most_ms, 4 * most_ms - self.paid_lost_ms[user_id])
        elif before.end_reason not in ours:
            return 0
        paid_ms = min(max(before.used_ms + before.paid_ms - asked.start_ms, 0), most_ms)
        before.continued = paid_ms > 0
        self.paid_lost_ms[user_id] += paid_ms if lost else 0
        return paid_ms

    def settled(self, session_id: UUID, user_id: UUID) -> bool:
        """See `relayd.session.ports.Ledger.settled`."""
        return all(one.request.session_id != session_id for one in self.open_sessions(user_id))

    def _refusal(
        self, request: OpenRequest, known: FakeSession | None, policy: Policy
    ) -> OpenRefusal | None:
        if known is not None:
            return None if known.end_reason is None else OpenRefusal.SESSION_SETTLED
        who = request.principal
        account = self.accounts.get(who.user_id)
        reasons = {
            OpenRefusal.AUTH_REVOKED: account is None or self._revoked(who),
            OpenRefusal.CREDIT_FROZEN: account is not None and account.frozen,
            OpenRefusal.TOO_MANY_SESSIONS: len(list(self.open_sessions(who.user_id)))
            >= policy.streams_per_user,
            OpenRefusal.INSUFFICIENT_CREDITS: account is None
            or self._for_streams(who.user_id) == 0,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    def renew(
        self, session_id: UUID, used_ms: int, keep_ms: int, policy: Policy
    ) -> Renewed | Revoked:
        """See `relayd.session.ports.Ledger.renew`."""
        return self.renew_together([(session_id, used_ms, keep_ms)], policy)[0]

    def renew_together(
        self, renewals: list[tuple[UUID, int, int]], policy: Policy
    ) -> list[Renewed | Revoked]:
        """Several in one transaction, in this order."""
        self.ticks += 1
        known = [self.sessions[key] for key, _, _ in renewals if key in self.sessions]
        if any(self._due(one.request.principal.user_id) for one in known):
            return [self._renew_alone(*renewal, policy) for renewal in renewals]
        self._vouch({session.boot_id for session in known if session.end_reason is None})
        return [self._renew(*renewal, policy) for renewal in renewals]

    def _renew_alone(
        self, session_id: UUID, used_ms: int, keep_ms: int, policy: Policy
    ) -> Renewed | Revoked:
        """Of a user with credit that has run out: what is let go of is nobody's any more."""
        self.ticks += 1
        session = self.sessions[session_id]
        user_id = session.request.principal.user_id
        with self._whole(user_id):
            self._collect(user_id)
            if session.end_reason is None:
                self._vouch({session.boot_id})
        answer = self._renew(session_id, used_ms, keep_ms, policy)
        self._collect(user_id)
        return answer

    def _renew(
        self, session_id: UUID, used_ms: int, keep_ms: int, policy: Policy
    ) -> Renewed | Revoked:
        session = self.sessions.get(session_id)
        if session is None or session.end_reason is not None:
            return Revoked.SESSION_SETTLED
        late = used_ms < session.used_ms
        self._charge(session, used_ms)
        frozen = self.accounts[session.request.principal.user_id].frozen
        revoked = self._revoked(session.request.principal)
        if revoked or frozen:
            self._set_unused(session, session.held_total_ms - session.used_ms)
            return Revoked.SIGN_IN_ENDED if revoked else Revoked.CREDIT_FROZEN
        unused = session.held_total_ms - session.used_ms
        if not late:
            unused = self._fair(session, keep_ms - session.used_ms, policy)
        self._set_unused(session, unused)
        ours = self._for_streams(session.request.principal.user_id)
        hungry = [one for one in self._others(session) if one.hungry_since is not None]
        return Renewed(
            held_total_ms=session.held_total_ms,
            final=ours == unused,
            wanted=bool(hungry) and unused > 0,
            balance_ms=ours,
        )

    def close(self, settlement: Settlement) -> Closed:
        """See `relayd.session.ports.Ledger.close`."""
        if settlement.unanswered is not None:
            self._collect(settlement.unanswered.principal.user_id)
        session = self.sessions.get(settlement.session_id)
        if session is None:
            return Closed(0, 0)
        if session.end_reason is None:
            self._charge(session, settlement.used_ms)
            self._settle(session, settlement.reason.label)
            session.reported_ms = settlement.reported_ms
        return Closed(session.used_ms, self._for_streams(session.request.principal.user_id))

    def register(self, boot_id: UUID) -> None:
        """A daemon starts."""
        self.boots.setdefault(boot_id, FakeBoot())

    def beat(self, boot_id: UUID) -> None:
        """A daemon says that it lives, also where it was taken for dead."""
        boot = self.boots[boot_id]
        boot.beats += 1
        boot.ended = False

    def crash(self, boot_id: UUID) -> None:
        """A daemon died, and a sweeper knows."""
        self.boots[boot_id].ended = True

    def pulse(self, boot_id: UUID) -> Pulse | None:
        """What a sweeper sees of a boot: nothing while it has no open session."""
        live = (one.boot_id for one in self.sessions.values() if one.end_reason is None)
        if boot_id not in live:
            return None
        return Pulse(boot_id, self.boots[boot_id].beats, self.boots[boot_id].ended)

    def bury(self, boot_id: UUID, beats: int) -> bool:
        """Take a daemon for dead, unless it has beaten since."""
        boot = self.boots[boot_id]
        if boot.beats == beats:
            boot.ended = True
        return boot.beats == beats

    def sweep(self) -> int:
        """Settle what dead daemons left open; how many sessions that were."""
        swept = [
            session
            for session in self.sessions.values()
            if session.end_reason is None and self.boots[session.boot_id].ended
        ]
        for session in swept:
            self._settle(session, SWEPT)
        return len(swept)

    def open_sessions(self, user_id: UUID) -> Iterator[FakeSession]:
        """A user's sessions that are not settled."""
        for session in self.sessions.values():
            if session.request.principal.user_id == user_id and session.end_reason is None:
                yield session

    def check(self) -> None:
        """Assert every identity of the ledger, for every user."""
        for user_id, account in self.accounts.items():
            live = list(self.open_sessions(user_id))
            entries = [one for one in self.entries if one.user_id == user_id]
            booked = sum(one.amount_ms for one in entries)
            used = sum(session.used_ms for session in live)
            assert account.balance_ms == booked + account.debt_ms - used
            reserved = [
                one.asked.amount_ms
                for one in self.reservations.values()
                if one.asked.user_id == user_id and one.charged_ms is None
            ]
            unused_ms = sum(one.held_total_ms - one.used_ms for one in live)
            assert account.reserved_ms == sum(reserved)
            assert account.held_ms == account.reserved_ms + unused_ms
            assert 0 <= account.held_ms <= account.balance_ms
            assert account.debt_ms == 0 or account.balance_ms == account.held_ms
            assert account.debt_ms >= 0
            self.check_lots(user_id, used, unused_ms)
        for session_id, session in self.sessions.items():
            assert 0 <= session.used_ms <= session.held_total_ms
            charged = [one.amount_ms for one in self.entries if one.key == str(session_id)]
            assert charged == ([] if session.end_reason is None else [-session.used_ms])
        for reservation_id, one in self.reservations.items():
            charged = [
                entry.amount_ms for entry in self.entries if entry.key == str(reservation_id)
            ]
            assert charged == ([] if one.charged_ms is None else [-one.charged_ms])

    def _vouch(self, boot_ids: set[UUID]) -> None:
        """These boots let somebody spend; none that was taken for dead may."""
        if any(self.boots[one].ended for one in boot_ids):
            raise LedgerUnavailable("taken for dead")
        for one in boot_ids:
            self.boots[one].beats += 1

    def _revoked(self, who: Principal) -> bool:
        signed_in = who.sign_in_id is None or who.sign_in_id in self.sign_ins
        keyed = who.key_id is None or who.key_id in self.keys
        return self.accounts[who.user_id].disabled or not (signed_in and keyed)

    def _others(self, session: FakeSession) -> list[FakeSession]:
        live = self.open_sessions(session.request.principal.user_id)
        return [one for one in live if one is not session]

    def _charge(self, session: FakeSession, used_ms: int) -> None:
        if used_ms > session.held_total_ms:
            self.overshoots += 1
            used_ms = session.held_total_ms
        fresh = used_ms - session.used_ms
        if fresh > 0:
            session.used_ms += fresh
            account = self.accounts[session.request.principal.user_id]
            account.balance_ms -= fresh
            account.held_ms -= fresh

    def _fair(self, session: FakeSession, needed_ms: int, policy: Policy) -> int:
        """What may be left unused in this session's hold."""
        others = self._others(session)
        ours = self._for_streams(session.request.principal.user_id)
        free = ours - sum(one.held_total_ms - one.used_ms for one in others)
        share = policy.hold_ms
        if ours < share * (len(others) + 1):
            share = max(1000, ours // (len(others) + 1))
        waiting_longer = [
            other
            for other in others
            if other.hungry_since is not None
            and (session.hungry_since is None or other.hungry_since < session.hungry_since)
        ]
        share = max(0, min(share, free - share * len(waiting_longer)))
        return min(max(share, needed_ms), free)

    def _set_unused(self, session: FakeSession, unused_ms: int) -> None:
        account = self.accounts[session.request.principal.user_id]
        account.held_ms += unused_ms - (session.held_total_ms - session.used_ms)
        session.held_total_ms = session.used_ms + unused_ms
        self._pay(session.request.principal.user_id)
        if unused_ms:
            session.hungry_since = None
        elif session.hungry_since is None:
            # Those that come to nothing in one transaction stand in the order of their ids.
            session.hungry_since = (self.ticks, session.request.session_id)

    def _settle(self, session: FakeSession, reason: str) -> None:
        user_id = session.request.principal.user_id
        self._set_unused(session, 0)
        session.hungry_since = None
        session.end_reason = reason
        key = str(session.request.session_id)
        self.entries.append(FakeEntry(user_id, "session", key, -session.used_ms))
        self.purses[user_id].spend(session.used_ms, stream=True)
        self._collect(user_id)

    def _used(self, user_id: UUID) -> int:
        return sum(session.used_ms for session in self.open_sessions(user_id))
