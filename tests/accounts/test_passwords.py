"""Hashing that neither truncates, nor tells, nor blocks."""

import threading

import attrs
import pytest
import trio
import trio.testing

from relayd.accounts.passwords import (
    PASSWORD_MAX,
    Passwords,
    Verdict,
    is_checkable,
    problem,
)

PEPPER = b"p" * 32


def make_passwords(pepper: bytes = PEPPER) -> Passwords:
    """The cheapest bcrypt there is."""
    return Passwords(pepper, trio.CapacityLimiter(1), cost=4)


async def _hash(passwords: Passwords, password: str) -> str:
    hashed = await passwords.hash(password)
    assert hashed is not None
    return hashed


@pytest.mark.parametrize(
    "password",
    ["12345678", "x" * PASSWORD_MAX, "пароль-ы", "\U0001f600" * 8, "        ", "\ufdfa"],
)
def test_good_passwords(password: str) -> None:
    """Eight characters after NFKC are enough, of any script; one may become eighteen."""
    assert problem(password) is None


@pytest.mark.parametrize(
    "password",
    ["", "1234567", "x" * (PASSWORD_MAX + 1), "1234567\0", "1234567\ud800", "e\u0301" * 7],
)
def test_bad_passwords(password: str) -> None:
    """Too short after NFKC, endless, or not text: refused with a sentence."""
    assert (problem(password) or "").startswith("The password must")


async def test_match() -> None:
    """The right password matches, another does not, and the hash is salted."""
    passwords = make_passwords()
    stored = await _hash(passwords, "correct horse")
    assert stored != await _hash(passwords, "correct horse")
    assert await passwords.verify("correct horse", stored) is Verdict.MATCH
    assert await passwords.verify("correct Horse", stored) is Verdict.MISMATCH


async def test_past_72_bytes() -> None:
    """Every character counts, also behind the 72 bytes that bcrypt reads; NULs can't hide any."""
    passwords = make_passwords()
    stored = await _hash(passwords, "x" * 100 + "a")
    assert await passwords.verify("x" * 100 + "a", stored) is Verdict.MATCH
    assert await passwords.verify("x" * 100 + "b", stored) is Verdict.MISMATCH
    assert await passwords.verify("x" * 72, stored) is Verdict.MISMATCH


async def test_one_password_however_typed() -> None:
    """Keyboards that compose differently type the same password."""
    passwords = make_passwords()
    stored = await _hash(passwords, "jose\u0301 and friends")
    assert await passwords.verify("jos\u00e9 and friends", stored) is Verdict.MATCH


async def test_pepper() -> None:
    """A hash is worth nothing without the pepper it was made with."""
    stored = await _hash(make_passwords(), "correct horse")
    other = make_passwords(b"q" * 32)
    assert await other.verify("correct horse", stored) is Verdict.MISMATCH


def test_short_pepper() -> None:
    """A pepper that could be guessed is refused at the start."""
    with pytest.raises(ValueError, match="32 bytes"):
        make_passwords(b"p" * 31)


async def test_unknown_user() -> None:
    """Nobody's password never matches; the reference costs what a real hash does."""
    passwords = make_passwords()
    assert await passwords.verify("correct horse", None) is Verdict.MISMATCH
    stored = await _hash(passwords, "correct horse")
    assert len(passwords._reference) == len(stored)
    assert passwords._reference[:7] == stored[:7].encode()


async def test_queue_is_bounded() -> None:
    """Past the bound nobody waits: the rest is turned away at once, and the others served."""
    release = threading.Event()
    verdicts: list[Verdict] = []

    @attrs.define(eq=False)
    class Slow(Passwords):
        def _matches(self, password: str, stored: str | None) -> bool:
            return release.wait(10)

    passwords = Slow(PEPPER, trio.CapacityLimiter(1), cost=4, queue_max=3)

    async def check() -> None:
        verdicts.append(await passwords.verify("correct horse", "x"))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(check)
            await trio.testing.wait_all_tasks_blocked()
        assert verdicts == [Verdict.BUSY] * 2
        release.set()
    assert verdicts[2:] == [Verdict.MATCH] * 3


def test_nothing_secret_in_repr() -> None:
    """The pepper never reaches a log by way of a repr."""
    assert "pppp" not in repr(Passwords(PEPPER, trio.CapacityLimiter(1), cost=4))


def test_checkable() -> None:
    """Anything a client can send is either checkable or refused without an exception."""
    assert is_checkable("")
    assert not is_checkable("\udfff")
