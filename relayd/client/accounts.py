"""Signing in over HTTP: where an app gets the access token for a stream.

HTTP/1.1 through h11 on a Trio stream, one request a connection: it is cancellable and obeys one
deadline, which a blocking library in a thread is and does not.
"""

import json
from typing import Any, Final

import attrs
import h11
import trio

from relayd.client.errors import ConnectError, DisconnectedError, RequestError
from relayd.client.transport import Address, Connect, connect_within, dial

__all__ = ["About", "Accounts", "Profile", "Tokens"]

_ANSWER_BYTES: Final = 64 * 1024


@attrs.frozen
class Tokens:
    """A sign-in: a short-lived access token, and the one that buys the next pair (once)."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    # As the server says it: how long, or until when, the access token is good.
    expires_in: float | None = None
    # For the next `login`; keep it also after signing out. Empty from a server that has none.
    device_token: str = attrs.field(default="", repr=False)


@attrs.frozen
class Profile:
    """An account: its address, credit and age."""

    email: str
    seconds_remaining: float
    created_at: str


@attrs.frozen
class About:
    """What a server says of itself. ``sells``: minutes can be bought there."""

    version: str
    sells: bool


@attrs.frozen
class Accounts:
    """The account routes of one server.

    Every call raises `RequestError` when the server refuses, `ConnectError` when it can't be
    reached, `DisconnectedError` when it does not answer in time or not in its protocol.
    """

    server_url: str
    request_seconds: float = 15
    connect: Connect = dial

    async def about(self) -> About:
        """What is at this address; raises `DisconnectedError` too where it is no relayd."""
        body = await self._ask("GET", "/")
        if body.get("name") != "relayd":
            raise DisconnectedError("what answers there is no relayd server")
        return About(str(body.get("version", "")), bool(body.get("sales")))

    async def register(self, email: str, password: str) -> Tokens:
        """Make an account and sign in."""
        return _tokens(
            await self._ask("POST", "/auth/register", {"email": email, "password": password})
        )

    async def login(
        self, email: str, password: str, *, code: str = "", device_token: str = ""
    ) -> Tokens:
        """Sign in.

        ``code``: of the user's authenticator app; a `RequestError` with the code ``code_needed``
        asks for it. ``device_token``: that of an earlier sign-in of this app.
        """
        more = {"code": code, "device_token": device_token}
        body = {"email": email, "password": password} | {k: v for k, v in more.items() if v}
        return _tokens(await self._ask("POST", "/auth/login", body))

    async def refresh(self, refresh_token: str) -> Tokens:
        """Trade a refresh token for a new pair; the old one is spent."""
        return _tokens(await self._ask("POST", "/auth/refresh", {"refresh_token": refresh_token}))

    async def logout(self, refresh_token: str) -> None:
        """End this sign-in and every token that came of it."""
        await self._ask("POST", "/auth/logout", {"refresh_token": refresh_token})

    async def me(self, access_token: str) -> Profile:
        """Whose token it is, and the credit left."""
        body = await self._ask("GET", "/account/me", token=access_token)
        try:
            return Profile(
                email=str(body["email"]),
                seconds_remaining=float(body["credits"]["seconds_remaining"]),
                created_at=str(body["created_at"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DisconnectedError("the server's answer is not relayd's") from error

    async def _ask(
        self, method: str, path: str, body: dict[str, str] | None = None, token: str | None = None
    ) -> dict[str, Any]:
        address = Address.parse(self.server_url)
        content = b"" if body is None else json.dumps(body).encode()
        headers = [
            ("Host", address.authority),
            ("Accept", "application/json"),
            ("Connection", "close"),
            ("Content-Length", str(len(content))),
        ]
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        request = h11.Request(method=method, target=address.prefix + path, headers=headers)
        stream = await connect_within(self.request_seconds, self.connect, address)
        try:
            with trio.move_on_after(self.request_seconds):
                return _understand(*await _exchange(stream, request, content))
        except (trio.BrokenResourceError, h11.RemoteProtocolError) as error:
            raise DisconnectedError(f"{address} broke off its answer") from error
        finally:
            with trio.move_on_after(1, shield=True):
                await trio.aclose_forcefully(stream)
        raise DisconnectedError(f"{address} did not answer within {self.request_seconds:g} s")


async def _exchange(
    stream: trio.abc.Stream, request: h11.Request, content: bytes
) -> tuple[h11.Response, bytes]:
    connection = h11.Connection(h11.CLIENT)
    wire = connection.send(request) or b""
    wire += connection.send(h11.Data(data=content)) or b""
    wire += connection.send(h11.EndOfMessage()) or b""
    await stream.send_all(wire)
    response: h11.Response | None = None
    answer = bytearray()
    while True:
        await trio.lowlevel.checkpoint()
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(_ANSWER_BYTES)))
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            answer += event.data
            if len(answer) > _ANSWER_BYTES:
                raise ConnectError("the server's answer is too long to be relayd's")
        elif isinstance(event, h11.EndOfMessage):
            assert response is not None
            return response, bytes(answer)


def _understand(response: h11.Response, answer: bytes) -> dict[str, Any]:
    """The body of a success; anything else as an exception."""
    try:
        body = json.loads(answer) if answer else {}
    except (ValueError, RecursionError):
        body = {}
    body = body if isinstance(body, dict) else {}
    if 200 <= response.status_code < 300:  # noqa: PLR2004 (the range of HTTP's successes)
        return body
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    retry_after = next((v for k, v in response.headers if k == b"retry-after"), b"")
    raise RequestError(
        response.status_code,
        str(error.get("code") or f"http_{response.status_code}"),
        str(error.get("message") or f"The server answered with status {response.status_code}."),
        int(retry_after) if retry_after.isdigit() else None,
    )


def _tokens(body: dict[str, Any]) -> Tokens:
    access, refresh = body.get("token"), body.get("refresh_token")
    if not isinstance(access, str) or not isinstance(refresh, str):
        raise DisconnectedError("the server's answer is not relayd's")
    expires = body.get("expires_in")
    known = isinstance(expires, int | float) and not isinstance(expires, bool)
    seconds = float(expires) if known and expires is not None else None
    return Tokens(access, refresh, seconds, str(body.get("device_token") or ""))
