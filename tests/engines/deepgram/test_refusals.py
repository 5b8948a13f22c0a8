"""The Deepgram engine where no stream opens, against the stand-in under a mock clock."""

import logging

import attrs
import pytest
import trio
from trio.testing import MockClock

from relayd import config
from relayd.engines.deepgram.engine import Deepgram
from relayd.errors import (
    UpstreamBusy,
    UpstreamError,
    UpstreamOff,
    UpstreamRejected,
    UpstreamUnavailable,
)
from relayd.websocket.pump import open_pump
from tests.conftest import DeclaredErrors
from tests.engines.deepgram.wired import FRAME, KEY, SETTINGS, Bench, bench, listening
from tests.standin import Fault, Script

FAILED = "deepgram stream failed"

WRONG_ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: wrong\r\n\r\n"
)


async def refusal(b: Bench) -> UpstreamError:
    """The error of a stream that must not open."""
    with pytest.raises(UpstreamError) as caught:
        async with b.engine.open(b.plan()):
            pytest.fail("it opened")
    return caught.value


def lines(caplog: pytest.LogCaptureFixture) -> str:
    """Everything that was logged, facts included."""
    return "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)


@pytest.mark.parametrize(
    ("status", "err_msg", "error"),
    [
        (400, "Invalid query string.", UpstreamRejected),
        (401, "Invalid credentials.", UpstreamOff),
        (402, "Project does not have enough credits.", UpstreamOff),
        (403, "Project does not have access.", UpstreamUnavailable),
        (405, "No streaming.", UpstreamRejected),
        (429, "Too many requests. Please try again later", UpstreamBusy),
        (503, "Service Unavailable", UpstreamBusy),
    ],
)
async def test_a_refused_upgrade_is_told_and_logged_once(  # noqa: PLR0917  two fixtures, a table
    autojump_clock: MockClock,
    declared_errors: DeclaredErrors,
    caplog: pytest.LogCaptureFixture,
    status: int,
    err_msg: str,
    error: type[UpstreamError],
) -> None:
    """The error leaves alone, no group around it; one line names the request, never the key."""
    async with bench(Script(refuse=status, err_msg=err_msg)) as b:
        found = await refusal(b)
        request_id = b.stand_in.records[0].request_id
    alarming = status in {401, 402, 403, 429}
    if alarming:
        declared_errors.expect(FAILED)
    assert type(found) is error
    assert err_msg in found.hint
    (record,) = caplog.records
    assert record.levelno == (logging.ERROR if alarming else logging.WARNING)
    assert request_id in lines(caplog)
    assert KEY not in lines(caplog)


async def test_a_wrong_key_never_shows(
    autojump_clock: MockClock, declared_errors: DeclaredErrors, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the log, and not in the error, even where the other end repeats it."""
    settings = attrs.evolve(SETTINGS, api_key=config.Secret("s3cret"))
    async with bench(Script(refuse=401, err_msg="s3cret is wrong"), settings=settings) as b:
        found = await refusal(b)
    declared_errors.expect(FAILED)
    assert "*** is wrong" in found.hint
    for text in (lines(caplog), found.message, found.hint, repr(found), repr(settings)):
        assert "s3cret" not in text


async def test_the_stand_in_knows_its_key(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """A key that is not its own is refused with 401."""
    settings = attrs.evolve(SETTINGS, api_key=config.Secret("another"))
    async with bench(settings=settings) as b:
        assert "401 Invalid credentials." in (await refusal(b)).hint
    declared_errors.expect(FAILED)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        WRONG_ACCEPT,
        b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\ncut short",
        b"\x00" * 100_000,
    ],
)
async def test_whatever_answers_is_no_reason_to_wait_or_to_crash(
    autojump_clock: MockClock, declared_errors: DeclaredErrors, answer: bytes
) -> None:
    """Something else at the address, or a hang-up, is seen at once."""
    async with bench(Script(answer=answer)) as b:
        found = await refusal(b)
    declared_errors.expect_any(FAILED)
    assert isinstance(found, UpstreamUnavailable)
    assert KEY not in found.hint
    assert trio.current_time() == 0


async def test_a_slow_answer_is_given_up_at_the_deadline(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """`open_seconds` bounds the whole opening."""
    async with bench(Script(handshake_seconds=30)) as b:
        found = await refusal(b)
        assert trio.current_time() == SETTINGS.open_seconds
    declared_errors.expect(FAILED)
    assert "open_seconds (5)" in found.hint


async def test_an_address_that_can_not_be_reached_is_told(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """DNS, TCP and TLS fail before there is anything to upgrade."""

    async def fail() -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        raise OSError("all attempts to connect failed")

    async with open_pump() as pump:
        hint = await Deepgram(SETTINGS, pump, fail).check()
    declared_errors.expect(FAILED)
    assert hint is not None
    assert "can't connect to localhost:1 (all attempts to connect failed)" in hint


async def test_an_opening_can_be_cancelled(autojump_clock: MockClock) -> None:
    """Cancelling while the upgrade is under way passes clean, at once."""
    async with bench(Script(handshake_seconds=30)) as b:
        with trio.move_on_after(1) as scope:
            async with b.engine.open(b.plan()):
                pytest.fail("it opened")
        assert scope.cancelled_caught
        assert trio.current_time() == 1


async def test_a_reopening_that_fails_ends_the_stream(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """Where the silent start was hung up on and the second connection is refused."""
    async with bench(Script(), Script(refuse=402)) as b, b.engine.open(b.plan()) as stream:
        async with listening(stream):
            await trio.sleep(60)
        with pytest.raises(UpstreamUnavailable) as caught:
            await stream.send_audio(FRAME)
        assert "402" in caught.value.hint
    declared_errors.expect(FAILED)


async def test_undecodable_is_not_tried_again(autojump_clock: MockClock) -> None:
    """A stream that was refused for its format before any audio would only be refused again."""
    script = Script(fault=Fault.CLOSE, close_code=1008, close_reason="DATA-0000")
    async with bench(script) as b, b.engine.open(b.plan()) as stream:
        await trio.sleep(1)
        with pytest.raises(UpstreamRejected):
            await stream.receive()
        with pytest.raises(UpstreamRejected):
            await stream.send_audio(FRAME)
        assert len(b.stand_in.records) == 1


async def test_check_says_what_is_wrong(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """Nothing where a stream opens; the operator's hint where it does not."""
    async with bench(Script(), Script(refuse=401, err_msg="Invalid credentials.")) as b:
        assert await b.engine.check() is None
        assert b.stand_in.records[0].audio_bytes == 0
        assert "api_key is wrong" in (await b.engine.check() or "")
    declared_errors.expect(FAILED)
