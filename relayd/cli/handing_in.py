"""One run of `relayd transcribe --batch`: a file up, its turn waited for, its words printed."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TextIO

import attrs
import httpx

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.live_line import LiveLine, clock
from relayd.client.errors import ClientError, ConnectError, RequestError
from relayd.client.files import Job, open_files

__all__ = ["HandingIn", "standing"]


@attrs.define(eq=False, kw_only=True)
class HandingIn:
    """What one run was asked to do."""

    server_url: str
    sign_in: Callable[[], Awaitable[str]]
    path: Path
    wishes: Mapping[str, str]
    output: TextIO
    line: LiveLine
    transport: httpx.AsyncBaseTransport | None = None

    async def run(self) -> Exit:
        """The whole run; every failure is told on standard error and becomes an exit code."""
        try:
            return await self._run()
        except RequestError as error:
            return self._fail(Exit.NOT_WELL, f"{error.message} ({error.code})")
        except ClientError as error:
            what = "can't connect: " if isinstance(error, ConnectError) else ""
            return self._fail(Exit.UNREACHABLE, f"{what}{error}")

    async def _run(self) -> Exit:
        async with open_files(self.server_url, await self.sign_in(), self.transport) as files:
            self.line.show(f"sending {self.path.name}")
            sent = await files.send(self.path, **self.wishes)
            if self.line.wanted:
                self.line.note(f"relayd: {self.path.name} is recording {sent.id}")
            job = await files.wait(sent.id, lambda one: self.line.show(standing(one)))
            if job.status != "completed":
                why = job.error["message"] if job.error else f"It was {job.status}."
                return self._fail(Exit.NOT_WELL, why)
            words = await files.words(job.id)
        self.line.clear()
        self.output.write(words if words.endswith("\n") else f"{words}\n")
        if self.line.wanted:
            self.line.note(f"relayd: {_length(job)} cost {job.cost_seconds:g} s")
        return Exit.OK

    def _fail(self, code: Exit, text: str) -> Exit:
        self.line.clear()
        self.line.stream.write(f"relayd: {text}\n")
        return code


def standing(job: Job) -> str:
    """How a recording stands, in a line."""
    if job.status == "queued" and job.position is not None:
        begins = job.starts_in_seconds
        when = "" if begins is None else f", begins in about {clock(begins)}"
        return f"waiting, number {job.position}{when}"
    if job.status == "processing":
        left = job.ends_in_seconds
        filled = int(job.progress_percent / 5)
        bar = "█" * filled + "░" * (20 - filled)
        return f"{bar} {job.progress_percent:3.0f} %" + (
            "" if left is None else f", {clock(left)} left"
        )
    return job.status


def _length(job: Job) -> str:
    return "it" if job.duration_seconds is None else f"{job.duration_seconds:g} s of audio"
