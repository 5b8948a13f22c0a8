"""Hashing that neither truncates, nor tells, nor blocks."""

import threading

import attrs
import pytest
import trio
import trio.testing

from relayd.accounts.proving.passwords import (
    OWN_ADDRESS,
    Asking,
    Passwords,
    Verdict,
    is_checkable,
    problem,
)
from relayd.quotas.counters import Counters
from relayd.quotas.limits import Cap

PEPPER = b"p" * 32


def make_passwords(pepper: bytes = PEPPER) -> Passwords:
    """The cheapest bcrypt there is."""
    return Passwords(pepper, trio.CapacityLimiter(1), cost=4)


async def _hash(passwords: Passwords, password: str) -> str:
    hashed = await passwords.hash(password)
    assert hashed is not None
    return hashed


@pytest.mark.parametrize(
    "password", ["horse 12", "xyz" * 300, "пароль-ы", "😀😁😂🤣😃😄😅😆", "e\u0301" * 4 + "a"]
)
def test_good_passwords(password: str) -> None:
    """Eight characters as they are typed are enough, of any script."""
    assert problem(password, "ada@example.com") is None


@pytest.mark.parametrize(
    "password",
    [
        *("", "1234567", "xyz" * 342, "1234567\0", "1234567\ud800", "e\u0301" * 3),
        # One ligature, which NFKC makes eighteen characters of.
        *("\ufdfa", " " * 8, "abababab", "😀" * 8),
        *("ada@example.com", " Ada@Example.com "),
    ],
)
def test_bad_passwords(password: str) -> None:
    """Too short as typed, endless, no text, a key held down, the own address: with a sentence."""
    assert (problem(password, "ada@example.com") or "").startswith("The password must")


@pytest.mark.parametrize(
    "password", ["password", "12345678", "PassWord1", "pa\u017f\u017fword", "qwertyuiop"]
)
def test_common_passwords(password: str) -> None:
    """What everybody tries first is refused, however it is typed."""
    assert problem(password) == "This password is among the most common ones. Choose another one."


def test_the_part_before_the_at() -> None:
    """It is known to whoever knows the address."""
    assert problem("ada.lovelace", "ada.lovelace@example.com") == OWN_ADDRESS
    assert problem("ada.lovelace", "ada@example.com") is None


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


async def test_places_for_who_is_known() -> None:
    """Strangers fill the queue but for eight places, and those are for known ones."""
    passwords, quotas = make_passwords(), Counters()
    passwords.quotas = quotas
    known, stranger = Asking("b", "a", known=True), Asking("b", "a")
    for _ in range(25):
        quotas.enter_now([Cap("hashing queue", 33)])
    assert await passwords.verify("correct horse", None, stranger) is Verdict.BUSY
    assert await passwords.verify("correct horse", None, known) is Verdict.MISMATCH


async def test_a_share_of_the_queue() -> None:
    """One block of addresses has twelve places; others are served meanwhile."""
    passwords, quotas = make_passwords(), Counters()
    passwords.quotas = quotas
    for _ in range(12):
        quotas.enter_now([Cap("hashing from 192.0.2.1", 12)])
    assert await passwords.hash("correct horse", Asking("192.0.2.1")) is None
    assert await passwords.hash("correct horse", Asking("192.0.2.2")) is not None


async def test_a_line_for_each_account(autojump_clock: trio.testing.MockClock) -> None:
    """Two at a time have their turn, whoever waits goes away after a while, few wait of a block."""
    passwords = make_passwords()
    asking = Asking("192.0.2.1", "account")
    async with passwords.turn(asking) as first, passwords.turn(asking) as second:
        began = trio.current_time()
        async with passwords.turn(asking) as third:
            assert (first, second, third) == (True, True, False)
            assert trio.current_time() - began == 15
        async with passwords.turn(Asking("192.0.2.1", "another account")) as elsewhere:
            assert elsewhere
    async with passwords.turn(asking) as again:
        assert again


async def test_few_of_a_block_stand_in_line() -> None:
    """The fifth of one block of addresses is turned away at once."""
    passwords, quotas = make_passwords(), Counters()
    passwords.quotas = quotas
    for _ in range(4):
        quotas.enter_now([Cap("line account 192.0.2.1", 4)])
    async with passwords.turn(Asking("192.0.2.1", "account")) as granted:
        assert not granted
    async with passwords.turn(Asking("192.0.2.2", "account")) as granted:
        assert granted
