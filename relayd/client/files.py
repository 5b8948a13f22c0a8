"""Recordings handed in whole: sent, waited for, and their words fetched, over HTTP.

httpx sends, and it runs on whatever runs it: an app of Trio's or of asyncio's. A file is read and
sent piece by piece.

    words = await transcribe_file("https://relay.example", token, Path("talk.mp3"), format="srt")
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import attrs
import httpx

from relayd.client.errors import ConnectError, DisconnectedError, RequestError

__all__ = ["Files", "Job", "JobFailed", "open_files", "transcribe_file"]

# Between two questions after a status: often at first, for short recordings, then ever more rarely.
_POLLS_SECONDS: Final = (0.2, 0.2, 0.5, 0.5, 1.0, 1.0, 2.0)
# A server that is busy or away for a moment is asked again.
_PATIENT_STATUSES: Final = {429, 502, 503, 504}
_PATIENCE: Final = 5
_FINAL: Final = {"completed", "failed", "cancelled"}
# A file of gigabytes takes long; what stalls for this long has failed.
_TIMEOUTS: Final = httpx.Timeout(30, read=660)


class JobFailed(RequestError):  # noqa: N818 - named for what happened
    """There are no words: the recording failed or was called off."""


@attrs.frozen
class Job:
    """A recording on the server, as it stood when it was asked about."""

    id: str
    status: str
    model: str
    format: str
    name: str
    duration_seconds: float | None
    cost_seconds: float | None
    position: int | None
    starts_in_seconds: float | None
    ends_in_seconds: float | None
    progress_percent: float
    metadata: Mapping[str, Any]
    error: Mapping[str, str] | None
    created_at: str

    @classmethod
    def of(cls, body: Any) -> "Job":
        """From the server's JSON; fields that this client doesn't know are left out."""
        try:
            return cls(**{one.name: body[one.name] for one in attrs.fields(cls)})
        except (KeyError, TypeError) as error:
            raise DisconnectedError("the server's answer is not relayd's") from error

    @property
    def is_over(self) -> bool:
        """Whether it stays like this."""
        return self.status in _FINAL


@attrs.frozen
class Files:
    """The recordings of one account.

    Every call raises `RequestError` when the server refuses, `ConnectError` when it can't be
    reached, `DisconnectedError` when it breaks off or is not relayd.
    """

    _http: httpx.AsyncClient

    async def send(self, path: Path, *, idempotency_key: str | None = None, **wishes: str) -> Job:
        """Hand a file in; ``wishes`` are the other fields of the form, such as model and format."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        with path.open("rb") as file:
            return Job.of(
                await self._ask(
                    "POST",
                    "/transcribe",
                    files={"file": (path.name, file)},
                    data=wishes,
                    headers=headers,
                )
            )

    async def fetch(self, url: str, **wishes: Any) -> Job:
        """Have the server fetch a file."""
        return Job.of(await self._ask("POST", "/transcribe", json={"url": url, **wishes}))

    async def status(self, job_id: str) -> Job:
        """How one stands."""
        return Job.of(await self._ask("GET", f"/status/{job_id}"))

    async def wait(self, job_id: str, told: Callable[[Job], object] = lambda _: None) -> Job:
        """Ask until it is over; ``told`` hears every answer."""
        asked = 0
        while True:
            job = await self.status(job_id)
            told(job)
            if job.is_over:
                return job
            await anyio.sleep(_POLLS_SECONDS[min(asked, len(_POLLS_SECONDS) - 1)])
            asked += 1

    async def words(self, job_id: str, format: str | None = None) -> str:  # noqa: A002 - the server's word
        """The words in a format, by default the one that was asked for."""
        query = {} if format is None else {"format": format}
        return (await self._answer("GET", f"/result/{job_id}", params=query)).text

    async def recent(self, most: int = 20, **filters: str) -> Sequence[Job]:
        """One's own, newest first. ``filters`` are status, model, since, until."""
        body = await self._ask("GET", "/transcriptions", params={"limit": str(most), **filters})
        return [Job.of(one) for one in body.get("transcriptions", ())]

    async def cancel(self, job_id: str) -> Job:
        """Call one off."""
        return Job.of(await self._ask("DELETE", f"/transcribe/{job_id}"))

    async def delete(self, job_id: str) -> None:
        """Remove its audio and words."""
        await self._ask("DELETE", f"/transcriptions/{job_id}")

    async def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        response = await self._answer(method, path, **more)
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise DisconnectedError("the server's answer is not relayd's")
        return body

    async def _answer(self, method: str, path: str, **more: Any) -> httpx.Response:
        # What was sent once may have been taken: only questions are asked again by themselves.
        tries = _PATIENCE if method == "GET" else 1
        for left in range(tries - 1, -1, -1):
            try:
                response = await self._http.request(method, f"/api/v1{path}", **more)
            except httpx.ConnectError as error:
                raise ConnectError("the server can't be reached") from error
            except (httpx.HTTPError, OSError) as error:
                raise DisconnectedError(f"the server broke off: {type(error).__name__}") from error
            if response.status_code not in _PATIENT_STATUSES or not left:
                break
            await anyio.sleep(min(float(response.headers.get("Retry-After", 1)), 10))
        if response.is_success:
            return response
        raise _refused(response)


@asynccontextmanager
async def open_files(
    server_url: str, token: str, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Files]:
    """The recordings of the account whose token this is, over connections that are kept."""
    async with httpx.AsyncClient(
        base_url=server_url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=_TIMEOUTS,
        transport=transport,
        follow_redirects=False,
        trust_env=False,
    ) as http:
        yield Files(http)


async def transcribe_file(
    server_url: str,
    token: str,
    path: Path,
    *,
    told: Callable[[Job], object] = lambda _: None,
    **wishes: str,
) -> str:
    """Hand a file in, wait for its end and return its words; ``told`` hears how it stands.

    ``wishes`` as of `Files.send`. Raises `JobFailed` where there are no words, or as `Files` does.
    """
    async with open_files(server_url, token) as files:
        sent = await files.send(path, **wishes)
        told(sent)
        job = await files.wait(sent.id, told)
        if job.status != "completed":
            error = job.error or {"code": job.status, "message": f"It was {job.status}."}
            raise JobFailed(409, error["code"], error["message"])
        return await files.words(job.id)


def _refused(response: httpx.Response) -> RequestError:
    try:
        error = json.loads(response.content)["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        code = f"http_{response.status_code}"
        message = f"The server answered with status {response.status_code}."
    retry_after = response.headers.get("Retry-After", "")
    seconds = int(retry_after) if retry_after.isdigit() else None
    return RequestError(response.status_code, code, message, seconds)
