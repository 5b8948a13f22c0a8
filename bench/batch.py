"""``python -m bench.batch``: clients hand recordings in, ask how they stand and fetch the words.

Against a relayd of its own, or with ``--server`` against any, as the account of RELAYD_TOKEN.
Printed: recordings a second, how long each step took, and what went wrong. Each client sends its
next recording when it has the words of the one before.
"""

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
import wave
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

from bench.daemon import Sections, configuration, running
from bench.stage import stage
from bench.stamps import Delays
from relayd.client.errors import ClientError, RequestError
from relayd.client.files import Job, open_files

__all__ = ["Counted", "main"]

_STEPS: Final = ("upload", "to its turn", "to its end", "fetch", "altogether")
_RATE: Final = 16_000


@attrs.define(eq=False)
class Counted:
    """What all clients saw."""

    steps: dict[str, Delays] = attrs.field(factory=lambda: {name: Delays() for name in _STEPS})
    faults: Counter[str] = attrs.field(factory=Counter)
    done: int = 0
    audio_seconds: float = 0.0

    def table(self, seconds: float) -> str:
        """The figures as text."""
        lines = [
            f"{self.done} recordings in {seconds:.1f} s",
            f"{self.done / seconds:.2f} a second, {self.audio_seconds / seconds:.1f} s of audio",
        ]
        for name, delays in self.steps.items():
            delays.mark()
            found = delays.percentiles()
            lines.append(
                f"{name:12} p50 {found['p50_ms']:9.1f}  p99 {found['p99_ms']:9.1f}"
                f"  max {found['max_ms']:9.1f} ms"
            )
        lines += [f"{count} times {what}" for what, count in self.faults.most_common()] or [
            "no errors"
        ]
        return "\n".join(lines) + "\n"


@attrs.define(eq=False)
class Turn:
    """When a recording was first seen to have begun, or to have ended."""

    began: int = 0

    def told(self, job: Job) -> None:
        """How it stands now."""
        if job.status != "queued" and not self.began:
            self.began = time.monotonic_ns()


def main() -> None:
    """Measure and print; exit 1 where anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.batch", description=__doc__)
    parser.add_argument("--clients", type=int, default=8, help="at once (default 8)")
    parser.add_argument("--recordings", type=int, default=5, help="of each client (default 5)")
    parser.add_argument("--audio-seconds", type=int, default=10, help="of each (default 10)")
    parser.add_argument("--file", type=Path, help="send this recording instead of silence")
    parser.add_argument("--model", default="", help="left out: the server's first")
    parser.add_argument("--server", help="an URL; left out: a relayd of its own")
    parser.add_argument(
        "--engine",
        default="pretend:pretend",
        help="engine:model of a relayd of its own (default pretend:pretend, so that what is seen "
        "is relayd's), such as moonshine:tiny-en",
    )
    parser.add_argument("--wait-seconds", type=float, default=600, help="at most (default 600)")
    arguments = parser.parse_args()
    counted, text = trio.run(_measure, arguments)
    sys.stdout.write(text)
    sys.exit(1 if counted.faults else 0)


async def _measure(arguments: argparse.Namespace) -> tuple[Counted, str]:
    counted = Counted()
    with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
        path = arguments.file or _silence(Path(directory), arguments.audio_seconds)
        async with _server(arguments) as (url, tokens):
            began = time.monotonic()
            with trio.move_on_after(arguments.wait_seconds) as waiting:
                async with trio.open_nursery() as nursery:
                    for number in range(arguments.clients):
                        token = tokens[number % len(tokens)]
                        nursery.start_soon(_client, arguments, url, token, path, counted)
            seconds = time.monotonic() - began
    if waiting.cancelled_caught:
        counted.faults[f"not done within {arguments.wait_seconds:g} s"] += 1
    return counted, counted.table(seconds)


@asynccontextmanager
async def _server(arguments: argparse.Namespace) -> AsyncIterator[tuple[str, tuple[str, ...]]]:
    if arguments.server:
        yield arguments.server, (os.environ["RELAYD_TOKEN"],)
        return
    async with contextlib.AsyncExitStack() as opened:
        set_up = await opened.enter_async_context(stage())
        directory = opened.enter_context(tempfile.TemporaryDirectory(prefix="relayd-bench-"))
        changes: Sections = {"storage": {"directory": directory}, "batch": {"workers": 2}}
        # Its live engine is never asked.
        sections = configuration(set_up.books, "ws://127.0.0.1:9", changes)
        models = f'[{{name="bench", engines=["{arguments.engine}"]}}]'
        daemon = await opened.enter_async_context(running(sections, {"RELAYD_MODELS": models}))
        yield f"http://127.0.0.1:{daemon.port}", set_up.tokens
        if errors := daemon.errors():
            raise SystemExit("\n".join(errors))


async def _client(
    arguments: argparse.Namespace, url: str, token: str, path: Path, counted: Counted
) -> None:
    async with open_files(url, token) as files:
        wishes = {"model": arguments.model} if arguments.model else {}
        for _ in range(arguments.recordings):
            try:
                began = time.monotonic_ns()
                sent = await files.send(path, **wishes)
                counted.steps["upload"].note(began)
                taken = time.monotonic_ns()
                turn = Turn()
                ended = await files.wait(sent.id, turn.told)
                counted.steps["to its end"].note(taken)
                counted.steps["to its turn"].samples.append(turn.began - taken)
                if ended.status != "completed":
                    code = ended.error["code"] if ended.error else ended.status
                    counted.faults[f"ended as {code}"] += 1
                    continue
                asked = time.monotonic_ns()
                await files.words(sent.id)
                counted.steps["fetch"].note(asked)
                counted.steps["altogether"].note(began)
                counted.done += 1
                counted.audio_seconds += ended.duration_seconds or 0.0
            except RequestError as error:
                counted.faults[f"{error.status} {error.code}"] += 1
            except ClientError as error:
                counted.faults[str(error)] += 1


def _silence(directory: Path, seconds: int) -> Path:
    """A recording in which nobody speaks: a quiet tone, so that it isn't nothing."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        up, down = (level.to_bytes(2, "little", signed=True) for level in (200, -200))
        period = up * 20 + down * 20
        file.writeframes(period * (_RATE * seconds // 40))
    path = directory / "recording.wav"
    path.write_bytes(content.getvalue())
    return path


if __name__ == "__main__":
    main()
