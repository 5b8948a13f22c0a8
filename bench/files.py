"""``python -m bench.files``: a long recording on one slot and on two, and what is spent beside.

A daemon with a worker of its own transcribes the same file, once with each number of slots. Asked:
two slots take at most 0.6 of the time of one; the daemon and the processes that open recordings
together spend at most 3 % of what the engine's processes do, and so what it would alone.
``--engine whispercpp --directory DIRECTORY --model base.en`` for that engine; else Moonshine.

Each recording costs half a second of CPU whatever its length, to start the two processes that open
it and to take it in: with less than half an hour of speech that is most of what is seen beside.

Engines of recordings run at ``nice 19`` and get what others leave. Both ratios are relayd's on a
machine at rest only: how much others took is printed for each run.
"""

import argparse
import os
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from bench.daemon import Daemon, Sections, configuration, running
from bench.faults.verdict import Verdict, heading
from bench.procfs import children, cpu_seconds
from bench.stage import Stage, stage
from relayd.client.files import Files, open_files

__all__ = ["main"]

_RATIO_MAX: Final = 0.6
_BESIDE_PERCENT_MAX: Final = 3.0
# So that the parts are many more than the slots, also of a short file.
_PART_MINUTES: Final = 2
_AT_ONCE: Final = 2
# Loaded and warm before anything is measured.
_WARM_SECONDS: Final = 10


@attrs.frozen
class Took:
    """What one transcription cost: seconds of the clock, and of processors."""

    seconds: float
    engine_cpu_seconds: float
    beside_cpu_seconds: float
    others_cpu_seconds: float

    @property
    def others_cores(self) -> float:
        """How many processors were others' all the while."""
        return round(self.others_cpu_seconds / self.seconds, 2)


def main() -> None:
    """Measure and print; exit 1 where a figure is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.files", description=__doc__)
    parser.add_argument("--minutes", type=float, default=120, help="of speech (default 120)")
    parser.add_argument("--engine", choices=("moonshine", "whispercpp"), default="moonshine")
    parser.add_argument("--directory", type=Path, help="of whisper.cpp's models")
    parser.add_argument("--model", default="tiny-en", help="the engine's own name of it")
    verdict = Verdict("files")
    sys.stdout.write(heading())
    trio.run(_measure, parser.parse_args(), verdict)
    sys.exit(1 if verdict.unmet else 0)


async def _measure(arguments: argparse.Namespace, verdict: Verdict) -> None:
    with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
        long, short = Path(directory) / "long.wav", Path(directory) / "short.wav"
        await trio.to_thread.run_sync(_speech, long, arguments.minutes * 60)
        await trio.to_thread.run_sync(_speech, short, _WARM_SECONDS)
        async with stage() as set_up:
            one = await _took(set_up, arguments, 1, (short, long))
            two = await _took(set_up, arguments, 2, (short, long))
    verdict.note("speech, in minutes", arguments.minutes)
    verdict.note("on one slot, in seconds", round(one.seconds, 1))
    verdict.note("on two slots, in seconds", round(two.seconds, 1))
    ratio = round(two.seconds / one.seconds, 2)
    verdict.at_most("two slots take of the time of one", ratio, _RATIO_MAX)
    verdict.note(
        "processors that others took, then and then", f"{one.others_cores}, {two.others_cores}"
    )
    verdict.note("the engine's CPU on one slot, in seconds", round(one.engine_cpu_seconds, 1))
    beside = round(100 * one.beside_cpu_seconds / one.engine_cpu_seconds, 2)
    verdict.at_most("CPU spent beside the engine", beside, _BESIDE_PERCENT_MAX, "%")


async def _took(
    set_up: Stage, arguments: argparse.Namespace, slots: int, paths: tuple[Path, Path]
) -> Took:
    short, long = paths
    async with _served(set_up, arguments, slots) as (daemon, files):
        # Both at once, so that every slot has its process.
        async with trio.open_nursery() as nursery:
            for _ in range(slots):
                nursery.start_soon(_transcribe, files, short)
        engine, beside = _cpu(daemon)
        busy, own = _busy_seconds(), time.process_time()
        began = trio.current_time()
        await _transcribe(files, long)
        seconds = trio.current_time() - began
        engine_after, beside_after = _cpu(daemon)
        ours = engine_after - engine + beside_after - beside + time.process_time() - own
        others = max(_busy_seconds() - busy - ours, 0)
    return Took(seconds, engine_after - engine, beside_after - beside, others)


async def _transcribe(files: Files, path: Path) -> None:
    ended = await files.wait((await files.send(path, model="measured")).id)
    if ended.status != "completed":
        raise SystemExit(f"the recording is {ended.status}: {ended.error}")


@asynccontextmanager
async def _served(
    set_up: Stage, arguments: argparse.Namespace, slots: int
) -> AsyncIterator[tuple[Daemon, Files]]:
    with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
        changes: dict[str, dict[str, Any]] = {
            "storage": {"directory": directory},
            "batch": {"workers": slots, "running_per_user": _AT_ONCE},
            "engines.files": {"slots": slots, "part_minutes": _PART_MINUTES},
        }
        if arguments.directory:
            changes["engines.whispercpp"] = {"directory": str(arguments.directory), "threads": 1}
        sections: Sections = configuration(set_up.books, "ws://127.0.0.1:9", changes)
        # A list of tables is no section of the daemon's writer, but a variable says it too.
        models = f'[{{name="measured", engines=["{arguments.engine}:{arguments.model}"]}}]'
        async with running(sections, {"RELAYD_MODELS": models}) as daemon:
            address = f"http://127.0.0.1:{daemon.port}"
            async with open_files(address, set_up.tokens[0]) as files:
                yield daemon, files
            if errors := daemon.errors():
                raise SystemExit("\n".join(errors))


def _cpu(daemon: Daemon) -> tuple[float, float]:
    """Seconds of the engine's processes, and of the daemon with the children that ended."""
    engine = sum(cpu_seconds(one, ended_children=True) for one in children(daemon.pid))
    return engine, cpu_seconds(daemon.pid, ended_children=True)


def _busy_seconds() -> float:
    """Seconds in which the machine's processors did anything for anybody, since it started."""
    ticks = [int(one) for one in Path("/proc/stat").read_text().split()[1:9]]
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = ticks
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _speech(path: Path, seconds: float) -> None:
    """The demo's recording again and again, for at least so long."""
    with (
        resources.files("relayd.demo").joinpath("recording.wav").open("rb") as file,
        wave.open(file) as spoken,
        wave.open(str(path), "wb") as repeated,
    ):
        repeated.setparams(spoken.getparams())
        rate, frames = spoken.getframerate(), spoken.readframes(spoken.getnframes())
        written = 0.0
        while written < seconds:
            repeated.writeframes(frames)
            written += len(frames) / 2 / rate


if __name__ == "__main__":
    main()
