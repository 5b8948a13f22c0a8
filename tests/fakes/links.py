"""One-time links and letters in memory: the part of `MemoryAccounts` that mail has to do with."""

import datetime as dt
from uuid import UUID

import attrs

from relayd.accounts.outcomes import LinkRefusal, ProofRefusal, User
from relayd.accounts.users.gifts import Gift
from relayd.mail.letters import Kind, Letter

__all__ = ["MemoryLinks"]

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PROOFS = {Kind.PROVE_ADDRESS, Kind.CHANGE_ADDRESS}


@attrs.frozen
class Posted:
    """A letter in the queue."""

    letter: Letter
    user_id: UUID
    address: str
    expires_at: dt.datetime


@attrs.define(eq=False)
class MemoryLinks:
    """Every transaction is a method of the same name."""

    now: dt.datetime = EPOCH
    users: dict[str, User] = attrs.field(factory=dict)
    hashes: dict[UUID, str] = attrs.field(factory=dict)
    mails: list[Posted] = attrs.field(factory=list)
    links: dict[bytes, Posted] = attrs.field(factory=dict)
    # How much was given to whom.
    gifts: dict[UUID, int] = attrs.field(factory=dict)
    gifted: set[str] = attrs.field(factory=set)

    def end_sign_ins(self, user_id: UUID) -> None:
        """See `sign_ins`."""
        raise NotImplementedError

    def find_user(self, key: UUID | str) -> User | None:
        """See `users`."""
        return next((user for user in self.users.values() if key in (user.id, user.email)), None)

    def post(self, letter: Letter | None, user_id: UUID, address: str) -> None:
        """See `relayd.mail.queue`."""
        if letter is None:
            return
        expires_at = self.now + dt.timedelta(seconds=letter.kind.seconds)
        posted = Posted(letter, user_id, address, expires_at)
        self.mails.append(posted)
        if letter.link_hash is not None:
            self.links[letter.link_hash] = posted

    def give(self, gift: Gift, user: User) -> None:
        """See `gifts`."""
        if user.id not in self.gifts and user.email not in self.gifted:
            self.gifts[user.id] = gift.amount_ms
            self.gifted.add(user.email)

    def ask_for_proof(self, user_id: UUID, letter: Letter) -> User | ProofRefusal:
        """See `links`."""
        user = self.find_user(user_id)
        if user is None or user.email_proven_at is not None:
            return ProofRefusal.PROVEN
        self.post(letter, user.id, user.email)
        return user

    def ask_for_change(self, user_id: UUID, email: str, letter: Letter) -> ProofRefusal | None:
        """See `links`."""
        taken = self.users.get(email)
        if taken is not None:
            proven = taken.id == user_id and taken.email_proven_at is not None
            return ProofRefusal.PROVEN if proven else ProofRefusal.EMAIL_TAKEN
        self.post(letter, user_id, email)
        return None

    def ask_for_reset(self, email: str, letter: Letter) -> UUID | None:
        """See `links`."""
        user = self.users.get(email)
        if user is None or user.disabled_at is not None:
            return None
        self.post(letter, user.id, email)
        return user.id

    def prove(self, presented: bytes, gift: Gift | None, letter: Letter) -> User | LinkRefusal:
        """See `links`."""
        link = self._good(presented, PROOFS)
        if link is None:
            return LinkRefusal.STALE
        del self.links[presented]
        user = self.find_user(link.user_id)
        if user is None or user.disabled_at is not None:
            return LinkRefusal.STALE
        if link.letter.kind is Kind.CHANGE_ADDRESS:
            if link.address in self.users:
                return LinkRefusal.EMAIL_TAKEN
            before = user.email
            del self.users[before]
            user = attrs.evolve(user, email=link.address, email_proven_at=self.now)
            self.drop_links(user.id)
            self.post(letter, user.id, before)
        if user.email != link.address:
            return LinkRefusal.STALE
        user = attrs.evolve(user, email_proven_at=user.email_proven_at or self.now)
        self.users[user.email] = user
        if gift is not None:
            self.give(gift, user)
        return user

    def owner_of_reset(self, presented: bytes) -> User | None:
        """See `links`."""
        link = self._good(presented, {Kind.RESET_PASSWORD})
        user = None if link is None else self.users.get(link.address)
        return None if user is None or user.disabled_at is not None else user

    def reset_password(self, presented: bytes, password_hash: str, letter: Letter) -> User | None:
        """See `links`."""
        user = self.owner_of_reset(presented)
        if user is None:
            return None
        self.hashes[user.id] = password_hash
        user = attrs.evolve(user, email_proven_at=user.email_proven_at or self.now)
        self.users[user.email] = user
        self.end_sign_ins(user.id)
        self.drop_links(user.id)
        self.post(letter, user.id, user.email)
        return user

    def drop_links(self, user_id: UUID) -> None:
        """See `links`."""
        ending = {Kind.CHANGE_ADDRESS, Kind.RESET_PASSWORD}

        def stays(one: Posted) -> bool:
            return one.user_id != user_id or one.letter.kind not in ending

        self.links = {key: one for key, one in self.links.items() if stays(one)}
        self.mails = [one for one in self.mails if stays(one)]

    def _good(self, presented: bytes, kinds: set[Kind]) -> Posted | None:
        link = self.links.get(presented)
        if link is None or link.letter.kind not in kinds or link.expires_at <= self.now:
            return None
        return link
