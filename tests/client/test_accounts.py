"""Signing in over HTTP, against scripted answers in memory."""

import json
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from relayd.client import Accounts, ConnectError, DisconnectedError, Profile, RequestError


@attrs.define(eq=False)
class ScriptedHttp:
    """Answers every connection with the same bytes and remembers the request."""

    answer: bytes
    hangs_up: bool = True
    ends: list[Any] = attrs.field(factory=list)

    async def connect(self, address: Any) -> trio.abc.Stream:
        """The client's end of a connection whose answer is already there."""
        ours, theirs = trio.testing.memory_stream_pair()
        self.ends.append(ours)
        await ours.send_all(self.answer)
        if self.hangs_up:
            await ours.send_eof()
        return theirs

    async def request(self) -> tuple[str, dict[str, str], bytes]:
        """Request line, headers and body of the first request."""
        head, _, body = bytes(await self.ends[0].receive_some()).partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        return line, {k.lower(): v for k, v in (h.split(": ", 1) for h in headers)}, body

    def accounts(self) -> Accounts:
        """Accounts of a server under a path prefix."""
        return Accounts("http://relayd.test/api", connect=self.connect)


def answer(status: str, body: Any, *headers: str) -> bytes:
    """An HTTP answer with a JSON body."""
    content = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


PAIR = {"token": "acc", "refresh_token": "ref", "expires_in": 900, "user": {"email": "a@b.c"}}


@pytest.mark.parametrize("what", ["register", "login"])
async def test_signing_in(what: str) -> None:
    """Register and login send the same body and give a pair of tokens."""
    server = ScriptedHttp(answer("201 Created", PAIR))
    tokens = await getattr(server.accounts(), what)("a@b.c", "pässword")
    assert (tokens.access_token, tokens.refresh_token, tokens.expires_in) == ("acc", "ref", 900)
    assert "acc" not in repr(tokens)
    line, headers, body = await server.request()
    assert line == f"POST /api/auth/{what} HTTP/1.1"
    assert headers["host"] == "relayd.test"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {"email": "a@b.c", "password": "pässword"}


async def test_signing_in_as_somebody_known() -> None:
    """What the app kept of an earlier sign-in goes along, and a code; the next token comes back."""
    server = ScriptedHttp(answer("200 OK", PAIR | {"device_token": "dev"}))
    tokens = await server.accounts().login("a@b.c", "x", code="123456", device_token="before")
    assert tokens.device_token == "dev"
    assert "dev" not in repr(tokens)
    _, _, body = await server.request()
    sent = {"email": "a@b.c", "password": "x", "code": "123456", "device_token": "before"}
    assert json.loads(body) == sent


async def test_refresh_and_logout() -> None:
    """Both send the refresh token in the body, never in the address."""
    for what in ("refresh", "logout"):
        server = ScriptedHttp(answer("200 OK", PAIR))
        await getattr(server.accounts(), what)("ref")
        line, _, body = await server.request()
        assert line == f"POST /api/auth/{what} HTTP/1.1"
        assert json.loads(body) == {"refresh_token": "ref"}


async def test_me() -> None:
    """The profile is asked for with the bearer token."""
    body = {
        "email": "a@b.c",
        "credits": {"seconds_remaining": 12.5, "minutes_remaining": 0.2},
        "created_at": "2026-01-01T00:00:00Z",
    }
    server = ScriptedHttp(answer("200 OK", body))
    assert await server.accounts().me("acc") == Profile("a@b.c", 12.5, "2026-01-01T00:00:00Z")
    _, headers, _ = await server.request()
    assert headers["authorization"] == "Bearer acc"


async def test_refusals_are_typed() -> None:
    """An error body becomes status, code, message and Retry-After."""
    error = {"error": {"code": "too_many_requests", "message": "Wait a little."}}
    server = ScriptedHttp(answer("429 Too Many Requests", error, "Retry-After: 30"))
    with pytest.raises(RequestError) as caught:
        await server.accounts().login("a@b.c", "x")
    refused = caught.value
    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert (refused.message, refused.retry_after_seconds) == ("Wait a little.", 30)


async def test_a_proxys_error_page() -> None:
    """An error that is not relayd's still has a status and a readable text."""
    page = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>"
    with pytest.raises(RequestError, match="status 502"):
        await ScriptedHttp(page).accounts().me("acc")


@pytest.mark.parametrize(
    "wire",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxx", b"SSH-2.0-OpenSSH\r\n\r\n"],
)
async def test_broken_answers(wire: bytes) -> None:
    """A cut or foreign answer is a lost connection, not a traceback of the HTTP library."""
    with pytest.raises(DisconnectedError):
        await ScriptedHttp(wire).accounts().me("acc")


async def test_strange_success() -> None:
    """A success without tokens is not relayd's."""
    with pytest.raises(DisconnectedError, match="not relayd's"):
        await ScriptedHttp(answer("200 OK", [])).accounts().login("a", "b")


async def test_endless_answer() -> None:
    """An answer is read up to 64 KiB."""
    wire = b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + b"x" * 100_000
    with pytest.raises(ConnectError, match="too long"):
        await ScriptedHttp(wire).accounts().me("acc")


async def test_deadline(autojump_clock: trio.testing.MockClock) -> None:
    """A server that does not answer is left after 15 s."""
    with pytest.raises(DisconnectedError, match="within 15 s"):
        await ScriptedHttp(b"HTTP/1.1 200", hangs_up=False).accounts().me("acc")
    assert trio.current_time() == 15
