"""No millisecond is stranded: whoever speaks can use all that the user bought."""

from uuid import UUID, uuid4

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from relayd.ledger.holds import Account, Policy, SessionStanding, unused_hold
from relayd.session.ports import Opened, OpenRequest, Renewed
from tests.fakes.books import Books

SLICES = st.integers(0, 100_000)


@attrs.define(eq=False)
class Speaker:
    """A session that behaves as sessions do; a silent one never uses what it holds."""

    id: UUID
    speaks: bool
    held_total_ms: int
    used_ms: int = 0
    wanted: bool = False
    final: bool = False

    def renew(self, books: Books, policy: Policy) -> None:
        """Use all there is, or nothing, and ask for more."""
        spoke = self.speaks and self.held_total_ms > self.used_ms
        if self.speaks:
            self.used_ms = self.held_total_ms
        keep_ms = self.held_total_ms
        if self.wanted:
            keep_ms = self.used_ms + (self.held_total_ms - self.used_ms) // 2 * spoke
        answer = books.renew(self.id, self.used_ms, keep_ms, policy)
        assert isinstance(answer, Renewed)
        self.held_total_ms, self.wanted, self.final = (
            answer.held_total_ms,
            answer.wanted,
            answer.final,
        )


@given(
    balance_ms=st.one_of(st.integers(1, 5), st.integers(1, 20_000)),
    speaks=st.lists(st.booleans(), min_size=1, max_size=4).filter(any),
    orders=st.lists(st.randoms(use_true_random=False), min_size=1, max_size=1),
)
@settings(max_examples=300)
def test_every_millisecond_is_usable(
    balance_ms: int, speaks: list[bool], orders: list[object]
) -> None:
    """With any sessions silent and renewals in any order, the speaking ones use up all credit."""
    books, policy = Books(), Policy(hold_ms=3000, streams_per_user=4)
    who = books.add_user(balance_ms)
    speakers = []
    for does in speaks:
        request = OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")
        answer = books.open(request, uuid4(), policy)
        assert isinstance(answer, Opened)
        speakers.append(Speaker(request.session_id, does, answer.held_total_ms))

    rounds = 0
    while books.accounts[who.user_id].balance_ms:
        orders[0].shuffle(speakers)  # type: ignore[attr-defined]
        for speaker in speakers:
            speaker.renew(books, policy)
        books.check()
        rounds += 1
        # Each round moves a silent session's credit on, or uses a slice of it.
        assert rounds <= 40 + balance_ms // 250

    assert sum(speaker.used_ms for speaker in speakers) == balance_ms
    for speaker in speakers:
        speaker.renew(books, policy)
        assert speaker.final


@given(
    balance_ms=SLICES,
    others_hold=SLICES,
    unused_ms=SLICES,
    kept_ms=SLICES,
    sessions=st.integers(1, 5),
    ahead=st.integers(0, 4),
)
def test_hold_stays_within_what_there_is(
    *, balance_ms: int, others_hold: int, unused_ms: int, kept_ms: int, sessions: int, ahead: int
) -> None:
    """A new hold covers what was promised and never exceeds what the others leave."""
    account = Account(
        uuid4(), balance_ms + others_hold + unused_ms, others_hold + unused_ms, debt_ms=0
    )
    standing = SessionStanding(50, 50 + unused_ms, sessions, min(ahead, sessions - 1))
    kept_ms = min(kept_ms, unused_ms)

    hold_ms = unused_hold(account, standing, 50 + kept_ms, Policy())

    assert kept_ms <= hold_ms <= balance_ms + unused_ms


@given(balance_ms=SLICES, held_ms=SLICES, amount_ms=st.integers(-200_000, 200_000))
def test_account_never_owes_while_it_has_something_free(
    balance_ms: int, held_ms: int, amount_ms: int
) -> None:
    """Whatever is added or taken shows in balance minus debt, and free credit pays debt."""
    before = Account(uuid4(), balance_ms + held_ms, held_ms, debt_ms=0)

    after = before.credited(amount_ms)

    assert after.balance_ms - after.debt_ms == before.balance_ms + amount_ms
    assert after.held_ms == held_ms <= after.balance_ms
    assert after.debt_ms == 0 or after.free_ms == 0
