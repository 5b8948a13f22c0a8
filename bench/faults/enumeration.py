"""Can a stranger find out who has an account? Real hashes, real HTTP, known and unknown in turn."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Final

import attrs

from bench.daemon import Daemon
from bench.faults.http import Answer, ask
from bench.faults.verdict import Verdict
from bench.faults.world import World, world
from relayd.database.ports import Connection

__all__ = ["run"]

_TIMES: Final = 200
_QUICK_TIMES: Final = 20
# Of every kind beyond the two: enough for a median.
_OTHER_TIMES: Final = 40
_QUICK_OTHER_TIMES: Final = 6
_APART_MS: Final = 5.0
_RIGHT: Final = "a password of some length"
_WRONG: Final = "another of that length"
_CREATED: Final = 201
_CONFLICT: Final = 409
_UNAUTHORISED: Final = 401

_BROWSER: Final = "Sec-Fetch-Site: same-origin\r\n"
_KNOWN: Final = "known@example.org"
_UNKNOWN: Final = "other@example.org"
_DISABLED: Final = "gone@example.org"
# What the others are called, and the addresses that they try.
_OTHERS: Final = (
    ("disabled account", _DISABLED),
    ("known, odd case and form", "  \uff2bNOWN@Example.ORG"),
    ("unknown, odd case and form", " \uff2fTHER@Example.ORG "),
    ("unknown, other script", "имя@пример.испытание"),
    ("no address at all", "nobody"),
)


@attrs.frozen
class Kind:
    """Somebody's way of trying."""

    name: str
    path: str
    email: str
    headers: str = ""
    answers: list[Answer] = attrs.field(factory=list)

    async def attempt(self, daemon: Daemon) -> None:
        """Log in with a wrong password."""
        account = {"email": self.email, "password": _WRONG}
        self.answers.append(await ask(daemon.port, "POST", self.path, account, self.headers))

    @property
    def milliseconds(self) -> Sequence[float]:
        """How long each took, in ascending order."""
        return sorted(answer.seconds * 1000 for answer in self.answers)

    @property
    def seen(self) -> set[tuple[int, tuple[str, ...], bytes]]:
        """What there was to see: one answer if all were the same."""
        return {(answer.status, answer.head, answer.body) for answer in self.answers}


async def run(verdict: Verdict) -> None:
    """Logins on both routes, then registrations, which can't but tell."""
    async with world() as here, here.daemon() as daemon:
        await _accounts(here, daemon)
        for path, headers in (("/auth/login", ""), ("/session/login", _BROWSER)):
            known = Kind("known address", path, _KNOWN, headers)
            unknown = Kind("unknown address", path, _UNKNOWN, headers)
            await _in_turn(here, daemon, (known, unknown), verdict.sized(_TIMES, _QUICK_TIMES))
            _compare(verdict, unknown, (known,))
        unknown = Kind("unknown address", "/auth/login", _UNKNOWN)
        others = [Kind(name, "/auth/login", email) for name, email in _OTHERS]
        await _in_turn(
            here, daemon, (unknown, *others), verdict.sized(_OTHER_TIMES, _QUICK_OTHER_TIMES)
        )
        _compare(verdict, unknown, others)
        await _registrations(verdict, daemon)
        verdict.no_errors(daemon)


async def _accounts(here: World, daemon: Daemon) -> None:
    """Made over HTTP, so that their hashes cost what real ones cost."""
    for email in (_KNOWN, _DISABLED):
        answer = await _register(daemon, email)
        assert answer.status == _CREATED, answer
    await here.books.accounts.disable(_DISABLED)


async def _in_turn(here: World, daemon: Daemon, kinds: Sequence[Kind], times: int) -> None:
    """A B A B …: whatever else the machine does meets all of them alike.

    What was guessed is forgotten after each turn, or all of them would soon wait.
    """
    for kind in kinds:
        await kind.attempt(daemon)
        kind.answers.clear()
    for _ in range(times):
        for kind in kinds:
            await kind.attempt(daemon)
        await here.books.database.transact(_forget_guesses)


def _forget_guesses(connection: Connection) -> None:
    connection.execute("DELETE FROM guesses")


def _compare(verdict: Verdict, unknown: Kind, others: Sequence[Kind]) -> None:
    _state(verdict, unknown)
    (status, _, _), *_ = unknown.seen
    verdict.equal(f"{unknown.path}: status", status, _UNAUTHORISED)
    for other in others:
        _state(verdict, other)
        apart = abs(median(other.milliseconds) - median(unknown.milliseconds))
        what = f"{other.path}: {other.name}"
        verdict.at_most(f"{what}: median apart", round(apart, 2), _APART_MS, "ms")
        verdict.equal(f"{what}: different answers", len(other.seen | unknown.seen), 1)


def _state(verdict: Verdict, kind: Kind) -> None:
    times = kind.milliseconds
    figures = f"{median(times):.1f} / {quantiles(times, n=10)[-1]:.1f}"
    verdict.note(f"{kind.path}: {kind.name} ({len(times)}): p50 / p90, ms", figures)


async def _registrations(verdict: Verdict, daemon: Daemon) -> None:
    """Who registers learns whether the address is taken: by the answer, not by its time."""
    taken, free = [], []
    for number in range(verdict.sized(_OTHER_TIMES, _QUICK_OTHER_TIMES)):
        taken.append(await _register(daemon, _KNOWN))
        free.append(await _register(daemon, f"new{number}@example.org"))
    verdict.equal("/auth/register: taken", {answer.status for answer in taken}, {_CONFLICT})
    verdict.equal("/auth/register: free", {answer.status for answer in free}, {_CREATED})
    medians = [median(answer.seconds * 1000 for answer in one) for one in (taken, free)]
    verdict.note("/auth/register: taken / free, p50, ms", f"{medians[0]:.1f} / {medians[1]:.1f}")


async def _register(daemon: Daemon, email: str) -> Answer:
    account = {"email": email, "password": _RIGHT}
    return await ask(daemon.port, "POST", "/auth/register", account)
