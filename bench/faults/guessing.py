"""Guesses at one account from many addresses, and whom they keep out: not its owner, nor others."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import attrs
import trio

from bench.daemon import Daemon
from bench.faults.http import ask
from bench.faults.verdict import Verdict
from bench.faults.world import world

__all__ = ["run"]

_GUESSES: Final = 337
_ADDRESSES: Final = 60
_SECONDS: Final = 15.0
# Each of those who know their password signs in so often meanwhile.
_TIMES: Final = 8
_PATIENCE_SECONDS: Final = 30.0
# What a busy server says in Retry-After, and how often somebody tries.
_AGAIN_SECONDS: Final = 5.0
_ATTEMPTS: Final = 4
# One for each address, and those that came before it was clear that it is an attack.
_CHECKED_MAX: Final = 100
_PASSWORD: Final = "a password of some length"  # noqa: S105 - of accounts that live for a minute
_OK: Final = 200
_UNAUTHORISED: Final = 401
_OWNER: Final = "owner@example.org"
_NEIGHBOUR: Final = "neighbour@example.org"


@attrs.frozen
class Person:
    """Somebody with a right password: where they sign in from, each time, and with which token."""

    name: str
    email: str
    # The last two numbers of loopback addresses.
    sources: Sequence[str]
    device_token: str = ""
    # How long each sign-in took; those that were turned away and tried again count as one.
    seconds: list[float] = attrs.field(factory=list)

    async def sign_in(self, daemon: Daemon) -> None:
        """Again and again, for as long as the attack lasts."""
        for source in self.sources:
            begun = trio.current_time()
            for _ in range(_ATTEMPTS):
                if await self._let_in(daemon, source):
                    self.seconds.append(trio.current_time() - begun)
                    break
                await trio.sleep(_AGAIN_SECONDS)
            await trio.sleep(_SECONDS / _TIMES)

    async def _let_in(self, daemon: Daemon, source: str) -> bool:
        account = {"email": self.email, "password": _PASSWORD, "device_token": self.device_token}
        answer = await ask(daemon.port, "POST", "/auth/login", account, source=source)
        return answer.status == _OK


async def run(verdict: Verdict) -> None:
    """The attack, beside the owner's own browser, the owner on the road, and somebody else."""
    async with world() as here, here.daemon() as daemon:
        token = await _register(daemon, _OWNER)
        await _register(daemon, _NEIGHBOUR)
        people = [
            Person("owner, known browser", _OWNER, ["127.0.0.1"] * _TIMES, token),
            Person("owner, strange machines", _OWNER, [f"127.0.3.{n}" for n in range(1, 9)]),
            Person("somebody else", _NEIGHBOUR, ["127.0.4.1"] * _TIMES),
        ]
        statuses: Counter[int] = Counter()
        async with trio.open_nursery() as nursery:
            for person in people:
                nursery.start_soon(person.sign_in, daemon)
            for number in range(_GUESSES):
                nursery.start_soon(_guess, daemon, number, statuses)
                await trio.sleep(_SECONDS / _GUESSES)
        verdict.note("guesses by status", dict(sorted(statuses.items())))
        verdict.at_most("guesses looked at", statuses[_UNAUTHORISED], _CHECKED_MAX)
        for person in people:
            verdict.equal(f"{person.name}: let in", len(person.seconds), _TIMES)
            slowest = round(max(person.seconds, default=0.0), 2)
            verdict.at_most(f"{person.name}: slowest", slowest, _PATIENCE_SECONDS, "s")
        verdict.no_errors(daemon)


async def _register(daemon: Daemon, email: str) -> str:
    """Make an account; the device token of its first sign-in."""
    account = {"email": email, "password": _PASSWORD}
    answer = await ask(daemon.port, "POST", "/auth/register", account)
    return str(answer.content["device_token"])


async def _guess(daemon: Daemon, number: int, statuses: Counter[int]) -> None:
    account = {"email": _OWNER, "password": f"guess number {number}"}
    source = f"127.0.2.{number % _ADDRESSES + 1}"
    answer = await ask(daemon.port, "POST", "/auth/login", account, source=source)
    statuses[answer.status] += 1
