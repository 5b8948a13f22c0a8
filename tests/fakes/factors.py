"""Second factors and guesses in memory: the part of `MemoryAccounts` that proves who one is."""

import datetime as dt
from uuid import UUID

import attrs

from relayd.accounts.outcomes import FactorRefusal
from relayd.accounts.proving.guesses import Guess, crowd_seconds, delay_seconds
from relayd.accounts.proving.second_factors import Confirmation, FactorState
from relayd.accounts.proving.totp import Totp
from relayd.mail.letters import Letter
from tests.fakes.links import MemoryLinks

__all__ = ["MemoryFactors"]

DAY = 86_400
HOUR = 3600


@attrs.define(eq=False)
class Factor:
    """A user's app."""

    seed: bytes
    on: bool = False
    last_step: int = 0
    recovery: set[bytes] = attrs.field(factory=set)


@attrs.define(eq=False)
class Guesses:
    """Wrong ones of one origin, and the time of the last."""

    last_at: dt.datetime
    failures: int = 0


@attrs.define(eq=False)
class MemoryFactors(MemoryLinks):
    """Every transaction is a method of the same name."""

    factors: dict[UUID, Factor] = attrs.field(factory=dict)
    required: set[UUID] = attrs.field(factory=set)
    guesses: dict[tuple[bytes, str], Guesses] = attrs.field(factory=dict)

    def has_factor(self, user_id: UUID) -> bool:
        """Whether signing in takes a code."""
        return user_id in self.factors and self.factors[user_id].on

    def find_factor(self, user_id: UUID) -> FactorState | None:
        """See `second_factors`."""
        if self.find_user(user_id) is None:
            return None
        left = len(self.factors[user_id].recovery) if user_id in self.factors else 0
        return FactorState(self.has_factor(user_id), user_id in self.required, left)

    def begin_factor(self, user_id: UUID, seed: bytes) -> bool:
        """See `second_factors`."""
        if self.has_factor(user_id):
            return False
        self.factors[user_id] = Factor(seed)
        return True

    def confirm_factor(self, user_id: UUID, confirmation: Confirmation) -> FactorRefusal | None:
        """See `second_factors`."""
        factor = self.factors.get(user_id)
        if factor is None or factor.on:
            return FactorRefusal.UNCHANGED
        step = confirmation.totp.step(factor.seed, confirmation.code, 0)
        if step is None:
            return FactorRefusal.WRONG_CODE
        factor.on, factor.last_step = True, step
        factor.recovery = set(confirmation.recovery_hashes)
        self._tell(user_id, confirmation.letter)
        return None

    def spend_code(self, user_id: UUID, totp: Totp, code: str) -> bool:
        """See `second_factors`."""
        factor = self.factors.get(user_id)
        if factor is None or not factor.on:
            return False
        step = totp.step(factor.seed, code, factor.last_step)
        if step is not None:
            factor.last_step = step
            return True
        spent = totp.recovery_hash(user_id, code)
        good = spent in factor.recovery
        factor.recovery.discard(spent)
        return good

    def end_factor(self, user_id: UUID, letter: Letter | None) -> bool:
        """See `second_factors`."""
        on = self.has_factor(user_id)
        self.factors.pop(user_id, None)
        if on:
            self._tell(user_id, letter)
        return on

    def require_factor(self, user_id: UUID, required: bool) -> None:
        """See `second_factors`."""
        (self.required.add if required else self.required.discard)(user_id)

    def seconds_to_wait(self, attempt: Guess) -> float:
        """See `guesses`."""
        own, own_age = self._count(attempt.account, attempt.origin, DAY)
        strangers, age = 0, 0.0
        if attempt.device is None:
            strangers, age = self._count(attempt.account, "strangers", HOUR)
        return max(delay_seconds(own, strangers) - own_age, crowd_seconds(strangers) - age)

    def begin_guess(self, attempt: Guess) -> float:
        """See `guesses`."""
        wait = self.seconds_to_wait(attempt)
        if wait > 0:
            return wait
        for origin, seconds in self._origins(attempt).items():
            count, _ = self._count(attempt.account, origin, seconds)
            self.guesses[attempt.account, origin] = Guesses(self.now, count + 1)
        return 0.0

    def take_back_guess(self, attempt: Guess) -> None:
        """See `guesses`."""
        for origin in self._origins(attempt):
            counted = self.guesses.get((attempt.account, origin), Guesses(self.now))
            counted.failures = max(counted.failures - 1, 0)

    def forget_guesses(self, attempt: Guess) -> None:
        """See `guesses`."""
        self.take_back_guess(attempt)
        self.guesses.pop((attempt.account, attempt.origin), None)

    def prune_guesses(self, most: int) -> int:
        """See `guesses`."""
        horizon = self.now - dt.timedelta(seconds=DAY)
        old = [key for key, one in self.guesses.items() if one.last_at < horizon][:most]
        for key in old:
            del self.guesses[key]
        return len(old)

    def _origins(self, attempt: Guess) -> dict[str, int]:
        """What an attempt counts for, and for how long that is remembered."""
        return {attempt.origin: DAY} | ({} if attempt.device else {"strangers": HOUR})

    def _count(self, account: bytes, origin: str, seconds: int) -> tuple[int, float]:
        counted = self.guesses.get((account, origin), Guesses(self.now))
        age = (self.now - counted.last_at).total_seconds()
        return (0 if age > seconds else counted.failures), age

    def _tell(self, user_id: UUID, letter: Letter | None) -> None:
        user = self.find_user(user_id)
        assert user is not None
        self.post(letter, user_id, user.email)
