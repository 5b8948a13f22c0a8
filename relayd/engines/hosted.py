"""Recordings sent to somebody's server over HTTP: one request, and one bounded answer.

A refusal says who must act: whoever runs the server (busy), our operator (off), or nobody, because
it may be this file (failed). Its own words go into the log as far as they are harmless.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import httpx

from relayd.engines.refusals import BUSY, retry_after
from relayd.errors import EngineBusy, EngineFailed, EngineOff, FileEngineError
from relayd.speech.fallback import PAUSE_SECONDS

__all__ = ["Server", "open_server", "refused"]

CONNECT_SECONDS: Final = 10
# One piece of the body must be taken by then.
WRITE_SECONDS: Final = 60

# Ten hours of speech: 36,000 s · 4 words · ~150 bytes with times and twice = 40 MB.
ANSWER_BYTES_MAX: Final = 64 * 1024**2
# What of a refusal is read, and what of that goes into the log.
REFUSAL_BYTES: Final = 16 * 1024
TEXT_CHARACTERS: Final = 300

OFF: Final = {
    401: "its key is wrong or expired",
    402: "there is no credit left with it",
    403: "its key may not use this model",
    404: "its URL is wrong, or it has no such model",
}


@attrs.define(eq=False)
class Server:
    """Someone's server. ``section`` is where the operator configures it."""

    section: str
    _client: httpx.AsyncClient

    async def post(self, url: str, **request: Any) -> bytes:
        """Send one request and return the answer's body. Raises a FileEngineError."""
        try:
            async with self._client.stream("POST", url, **request) as response:
                if response.is_success:
                    return await self._body(response, ANSWER_BYTES_MAX)
                text = await self._body(response, REFUSAL_BYTES)
                raise refused(self.section, response.status_code, response.headers, text)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise EngineBusy(
                f"{self.section} can't be reached: {type(error).__name__}", PAUSE_SECONDS
            ) from error
        except httpx.HTTPError as error:
            # It may have broken on this file: an attempt.
            raise EngineFailed(f"{self.section} did not answer: {type(error).__name__}") from error

    async def _body(self, response: httpx.Response, most: int) -> bytes:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > most:
                if response.is_success:
                    raise EngineFailed(f"{self.section} answered more than {most} bytes")
                break
        return bytes(body)


@asynccontextmanager
async def open_server(
    section: str,
    headers: dict[str, str],
    answer_seconds: float,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Server]:
    """A client with these headers in every request; ``transport`` stands in for the network.

    Redirects are not followed: they would take key and audio elsewhere.
    """
    timeout = httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS, write=WRITE_SECONDS)
    async with httpx.AsyncClient(
        headers=headers, timeout=timeout, transport=transport, trust_env=False
    ) as client:
        yield Server(section, client)


def refused(section: str, status: int, headers: httpx.Headers, body: bytes) -> FileEngineError:
    """Explain an answer that is no success."""
    text = "" if status == 401 else _explanation(body)  # noqa: PLR2004 - it may repeat the key
    hint = f"{section} answered {status}" + (f" ({text})" if text else "")
    if status in OFF:
        return EngineOff(f"{hint}: {OFF[status]}")
    # OpenAI's way of saying 402.
    if status == 429 and "insufficient_quota" in body.decode("utf-8", "replace"):  # noqa: PLR2004
        return EngineOff(f"{hint}: {OFF[402]}")
    pause = retry_after(headers.get("retry-after", ""))
    server_error = status >= 500  # noqa: PLR2004 - HTTP's own numbers
    if status in BUSY or (server_error and pause is not None):
        return EngineBusy(hint, PAUSE_SECONDS if pause is None else pause)
    return EngineFailed(hint)


def _explanation(body: bytes) -> str:
    """The server's own words, of which every vendor has another shape."""
    text = body.decode("utf-8", "replace")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if isinstance(message, dict):
        inner = message.get("error")
        fields = inner if isinstance(inner, dict) else message
        text = str(fields.get("message") or fields.get("err_msg") or fields.get("detail") or "")
    shown = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(shown.split())[:TEXT_CHARACTERS]
