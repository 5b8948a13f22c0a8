"""relayd as its users run it: a process, a configuration file, signals."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from bench.books import Books

__all__ = ["Daemon", "Sections", "configuration", "running", "write_configuration"]

Sections = Mapping[str, Mapping[str, Any]]

_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 30
_POLL_SECONDS: Final = 0.02
# http or https.
_LISTENING: Final = "relayd listening on http"


@attrs.define(eq=False)
class Daemon:
    """One process."""

    process: trio.Process
    port: int
    log: Path
    # Copies its standard output to the log, where that is a pipe.
    reader: trio.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def drain(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        await self.process.wait()

    def errors(self) -> list[str]:
        """What it logged that a human should look at, each with its traceback."""
        found: list[str] = []
        inside = False
        for line in self.log.read_text(errors="replace").splitlines():
            if inside and line.startswith("    "):
                found[-1] += f"\n{line}"
                continue
            inside = " ERROR " in line
            if inside or line.startswith("Traceback"):
                found.append(line)
        return found


def configuration(books: Books, engine_url: str, changes: Sections) -> dict[str, dict[str, Any]]:
    """The sections of a relayd.toml for one machine's worth of load, carried by one process."""
    sections: dict[str, dict[str, Any]] = {
        "server": {
            "listen": ["127.0.0.1:0"],
            "processes": 1,
            "connections_max": 4000,
            "connections_per_address": 4000,
            "connections_per_second": 4000,
        },
        "database": {"url": books.url},
        "auth": {**books.auth, "requests_per_minute": 10_000},
        "engine": {"default": "deepgram"},
        "engines.deepgram": {"api_key": "standin-key", "url": engine_url},
        "limits": {"streams_per_user": 100, "opens_per_minute": 10_000},
    }
    for name, values in changes.items():
        sections.setdefault(name, {}).update(values)
    return sections


@asynccontextmanager
async def running(
    sections: Sections,
    environment: Mapping[str, str] | None = None,
    *,
    piped: bool = False,
    command: Sequence[str] = ("relayd",),
) -> AsyncIterator[Daemon]:
    """`relayd serve` while entered; what is left of it then is drained, or killed.

    Its log is a file, or with ``piped`` a pipe whose reader may be stopped. ``command``: the module
    that is run instead, and what comes before ``serve``.
    """
    with tempfile.TemporaryDirectory(prefix="relayd-bench-") as name:
        directory = Path(name)
        path = write_configuration(directory, sections)
        serve = [sys.executable, "-m", *command, "serve", "--config", str(path)]
        daemon = await _start(directory, serve, environment or {}, piped=piped)
        try:
            yield daemon
        finally:
            with trio.move_on_after(_STOP_SECONDS, shield=True):
                if daemon.process.poll() is None:
                    await daemon.drain()
            daemon.process.kill()
            with trio.move_on_after(1, shield=True):
                await daemon.process.wait()


async def _start(
    directory: Path, command: Sequence[str], environment: Mapping[str, str], *, piped: bool
) -> Daemon:
    log = directory / "relayd.log"
    reader = None
    with contextlib.ExitStack() as files:
        file = files.enter_context(log.open("wb"))
        output = file.fileno()
        if piped:
            end, output = os.pipe()
            files.callback(os.close, end)
            reader = await trio.lowlevel.open_process(["cat"], stdin=end, stdout=file)
            files.callback(os.close, output)
        process = await trio.lowlevel.open_process(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
    until = trio.current_time() + _START_SECONDS
    while _LISTENING not in (text := log.read_text()):
        if process.poll() is not None or trio.current_time() > until:
            process.kill()
            raise RuntimeError(f"relayd did not start:\n{text}")
        await trio.sleep(_POLL_SECONDS)
    address = text.partition(_LISTENING)[2].split()[0]
    return Daemon(process, int(address.rpartition(":")[2]), log, reader)


def write_configuration(directory: Path, sections: Sections) -> Path:
    """A relayd.toml of these sections."""
    path = directory / "relayd.toml"
    path.touch(mode=0o600)
    path.write_text(_toml(sections))
    return path


def _toml(sections: Sections) -> str:
    # A JSON string, number or list of them is TOML, too.
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        for name, values in sections.items()
    )
