"""What servers answer to a recording, and who must act then."""

import datetime as dt
from email.utils import format_datetime

import httpx
import pytest

from relayd.engines import hosted
from relayd.engines.hosted import open_server, refused
from relayd.errors import EngineBusy, EngineFailed, EngineOff, FileEngineError


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'{"error": {"message": "Incorrect API key provided: sk-abc"}}', EngineOff),
        (402, b'{"err_msg": "no credit"}', EngineOff),
        (403, b"", EngineOff),
        (404, b'{"detail": "no such model"}', EngineOff),
        (429, b'{"error": {"code": "insufficient_quota"}}', EngineOff),
        (429, b'{"error": {"message": "slow down"}}', EngineBusy),
        (503, b"<html>", EngineBusy),
        (400, b'{"error": {"message": "what is this?"}}', EngineFailed),
        (413, b"", EngineFailed),
        (500, b"[" * 9_000, EngineFailed),
    ],
)
def test_each_answer_has_its_meaning(status: int, body: bytes, kind: type[FileEngineError]) -> None:
    """Whoever is to act is told, and no answer repeats a key."""
    error = refused("engines.x", status, httpx.Headers(), body)
    assert type(error) is kind
    assert f"engines.x answered {status}" in error.hint
    assert "sk-abc" not in error.hint


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("20", 20), ("", 30), ("soon", 30), ("9" * 40, 999_999_999)],
)
def test_a_pause_is_as_long_as_asked(value: str, seconds: float) -> None:
    """In seconds, or as long as usual."""
    error = refused("engines.x", 429, httpx.Headers({"Retry-After": value}), b"")
    assert isinstance(error, EngineBusy)
    assert error.retry_seconds == seconds


def test_a_pause_may_be_a_date() -> None:
    """HTTP allows both."""
    until = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100), usegmt=True)
    error = refused("engines.x", 500, httpx.Headers({"Retry-After": until}), b"")
    assert isinstance(error, EngineBusy)
    assert 90 < error.retry_seconds <= 100


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (httpx.ConnectError("refused"), EngineBusy),
        (httpx.ConnectTimeout("slow"), EngineBusy),
        (httpx.ReadTimeout("slow"), EngineFailed),
        (httpx.RemoteProtocolError("nonsense"), EngineFailed),
    ],
)
async def test_a_server_that_is_away_is_busy(
    raised: httpx.TransportError, kind: type[FileEngineError]
) -> None:
    """One that breaks on a file isn't: that is an attempt."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise raised

    async with open_server("engines.x", {}, 5, httpx.MockTransport(answer)) as server:
        with pytest.raises(kind):
            await server.post("https://engine.example/v1")


async def test_an_endless_answer_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody fills our memory."""
    monkeypatch.setattr(hosted, "ANSWER_BYTES_MAX", 1_000)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=bytes(1_001)))
    async with open_server("engines.x", {}, 5, transport) as server:
        with pytest.raises(EngineFailed, match="more than 1000 bytes"):
            await server.post("https://engine.example/v1")


async def test_nobody_is_followed_elsewhere() -> None:
    """A redirect would take key and audio along."""
    transport = httpx.MockTransport(
        lambda _: httpx.Response(307, headers={"Location": "https://other.example/"})
    )
    async with open_server("engines.x", {}, 5, transport) as server:
        with pytest.raises(EngineFailed, match="307"):
            await server.post("https://engine.example/v1")
