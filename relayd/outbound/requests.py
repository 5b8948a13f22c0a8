"""One request to where a user wants it: bounded, without cookies, credentials or proxies."""

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Final
from urllib.parse import urljoin, urlsplit

import attrs
import httpcore
import trio

from relayd import __version__
from relayd.errors import OutboundFailed, OutboundRefused
from relayd.outbound.dialling import Dialler

__all__ = ["Outbound", "Response", "url_problem"]

_URL_MAX: Final = 2048
_LENGTH_DIGITS_MAX: Final = 18
_REDIRECTS_MAX: Final = 5
_REDIRECTS: Final = {301, 302, 303, 307, 308}
# Of each step. A whole request has a deadline of its own.
_TIMEOUTS: Final = {"connect": 5.0, "read": 20.0, "write": 20.0, "pool": 5.0}


@attrs.frozen
class Response:
    """What came back: the head, and the body while its request is open."""

    status: int
    headers: Mapping[str, str]
    # The address that gave it, after redirects.
    url: str
    parts: AsyncIterator[bytes]

    @property
    def announced_bytes(self) -> int | None:
        """The body's length, where its sender says it."""
        length = self.headers.get("content-length", "")
        # Longer ones need not even be read as a number.
        readable = length.isascii() and length.isdigit() and len(length) <= _LENGTH_DIGITS_MAX
        return int(length) if readable else None


@attrs.frozen
class Outbound:
    """Makes requests. Each has connections of its own: none is kept for the next user."""

    dialler: Dialler
    # In tests: whom to trust.
    tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def fetch(self, url: str, seconds: float) -> AsyncIterator[Response]:
        """GET a URL, following a few redirects, each judged again. Open while entered.

        Raises `OutboundRefused` for what may not be reached, `OutboundFailed` where it can't be,
        or not within ``seconds``; inside of it too, while parts are taken.
        """
        async with AsyncExitStack() as stack:
            with _translated(), trio.fail_after(seconds):
                for _ in range(_REDIRECTS_MAX + 1):
                    answer = await stack.enter_async_context(self._ask("GET", url, {}, b""))
                    if answer.status not in _REDIRECTS or "location" not in answer.headers:
                        break
                    await stack.aclose()
                    url = urljoin(url, answer.headers["location"])
                else:
                    raise OutboundFailed("it redirects too often")
                yield answer

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        """POST a small body; the status and headers of the answer, whose body is not read.

        A redirect is an answer. Raises as `fetch` does.
        """
        with _translated(), trio.fail_after(seconds):
            async with self._ask("POST", url, headers, body) as answer:
                return answer.status, answer.headers

    @asynccontextmanager
    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[Response]:
        problem = url_problem(url)
        if problem is not None:
            raise OutboundRefused(problem)
        said = {
            "User-Agent": f"relayd/{__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            **headers,
        }
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self.tls, max_connections=1, network_backend=self.dialler
            ) as pool,
            pool.stream(
                method,
                url,
                headers=[(name.encode(), value.encode()) for name, value in said.items()],
                content=body or None,
                extensions={"timeout": _TIMEOUTS},
            ) as response,
        ):
            found = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in response.headers
            }
            yield Response(response.status, found, url, response.aiter_stream())


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (trio.TooSlowError, httpcore.TimeoutException) as error:
        raise OutboundFailed("it didn't answer in time") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise OutboundFailed(_words(error)) from error


def _words(error: Exception) -> str:
    if isinstance(error, httpcore.ProtocolError):
        return "what answers doesn't speak HTTP/1.1"
    certificate = isinstance(error.__context__, ssl.SSLCertVerificationError)
    return "its certificate isn't good" if certificate else "it can't be reached"


def url_problem(url: str) -> str | None:
    """What is wrong with a URL that is to be asked, before anything is; None where nothing is."""
    if len(url) > _URL_MAX:
        return f"a URL of more than {_URL_MAX} characters"
    if not (url.isascii() and url.isprintable()) or " " in url:
        return "a URL is written in ASCII, without spaces"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "that is no URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "a URL begins with https:// or http:// and names a host"
    if "@" in parts.netloc:
        return "a URL holds no user name or password"
    return None
