"""How soon a local engine says words, and how many it gets wrong.

``python -m bench.words --engine moonshine --streams 2 --cores 1``: so many streams are spoken at
live pace in frames of 100 ms to an engine whose processes share so many cores with this one. The
recording is repeated, and each stream begins at another moment.
"""

import argparse
import itertools
import os
import re
import statistics
import sys
import wave
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

import attrs
import trio

from bench import procfs
from bench.cores import pin
from relayd import config
from relayd.engines.selection import LOCAL, open_engine
from relayd.speech.engine import Engine
from relayd.speech.plan import StreamPlan
from relayd.speech.words import Transcript
from relayd.websocket.pump import open_pump

__all__ = ["Stream", "main", "word_errors"]

_FRAME_BYTES: Final = 3_200
_BYTES_PER_SECOND: Final = 32_000
# Streams begin this far apart, and not at a multiple of a frame.
_APART_SECONDS: Final = 0.37


@attrs.define(eq=False)
class Stream:
    """One stream's results, each with the second of its audio in which it came."""

    began: float
    results: list[tuple[float, Transcript]] = attrs.field(factory=list)

    def note(self, result: Transcript) -> None:
        """Take a result, now."""
        self.results.append((trio.current_time() - self.began, result))

    @property
    def finals(self) -> list[tuple[float, Transcript]]:
        """Final results that have words."""
        return [one for one in self.results if one[1].is_final and one[1].words]

    def first_words(self) -> list[float]:
        """For each utterance, how long after its sound began its first words came, in seconds."""
        found: list[float] = []
        for _, final in self.finals:
            came = [
                at
                for at, one in self.results
                if one.text and final.start <= one.start < final.start + final.duration
            ]
            found.append(min(came) - final.words[0].start)
        return found

    def last_words(self) -> list[float]:
        """For each utterance, how long after its last word ended it was final, in seconds."""
        return [at - final.words[-1].end for at, final in self.finals]

    def revised_finals(self) -> int:
        """Results that come back to what was final before."""
        ends = itertools.accumulate(
            (one.start + one.duration if one.is_final else 0.0 for _, one in self.results), max
        )
        pairs = zip(ends, self.results[1:], strict=False)
        return sum(one.start < end - 1e-6 for end, (_, one) in pairs)

    @property
    def text(self) -> str:
        """All that was said."""
        return " ".join(one.text for _, one in self.finals)


def word_errors(said: str, heard: str) -> float:
    """Wrong, missing and invented words for each one said (Levenshtein's distance)."""
    wanted, found = (re.findall(r"[a-z0-9']+", text.lower()) for text in (said, heard))
    row = list(range(len(found) + 1))
    for count, one in enumerate(wanted, 1):
        diagonal, row[0] = row[0], count
        for at, other in enumerate(found, 1):
            kept = diagonal + (one != other)
            diagonal = row[at]
            row[at] = min(diagonal + 1, row[at - 1] + 1, kept)
    return row[-1] / len(wanted)


async def _speak(engine: Engine, audio: bytes, delay: float, spoken: list[Stream]) -> None:
    plan = engine.plan({"interim_results": True})
    assert isinstance(plan, StreamPlan)
    await trio.sleep(delay)
    async with engine.open(plan) as upstream:
        stream = Stream(trio.current_time())
        spoken.append(stream)

        async def send() -> None:
            for start in range(0, len(audio), _FRAME_BYTES):
                await trio.sleep_until(
                    stream.began + min(start + _FRAME_BYTES, len(audio)) / _BYTES_PER_SECOND
                )
                await upstream.send_audio(audio[start : start + _FRAME_BYTES])
            await upstream.finish()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            while (event := await upstream.receive()) is not None:
                if isinstance(event, Transcript):
                    stream.note(event)


async def _measure(name: str, streams: int, audio: bytes, said: str) -> str:
    settings = config.LocalProcesses(workers_max=streams, workers_spare=streams)
    # The other one isn't opened.
    engines = config.Engines(moonshine=settings, sphinx=settings)
    spoken: list[Stream] = []
    sizes: list[procfs.Usage] = []

    async def weigh() -> None:
        await trio.sleep(len(audio) / _BYTES_PER_SECOND * 0.9)
        sizes.extend(procfs.usage(one) for one in procfs.children(os.getpid()))

    async with open_pump() as pump, open_engine(name, engines, pump) as engine:
        # All processes have loaded their model; that is not what is measured.
        await trio.sleep(settings.open_seconds)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(weigh)
            for n in range(streams):
                nursery.start_soon(_speak, engine, audio, n * _APART_SECONDS, spoken)
    return render(spoken, sizes, len(audio) / _BYTES_PER_SECOND, said)


def render(
    streams: Sequence[Stream], sizes: Sequence[procfs.Usage], seconds: float, said: str
) -> str:
    """The figures, a line each."""
    first = [one for stream in streams for one in stream.first_words()]
    last = [one for stream in streams for one in stream.last_words()]
    interim = sum(not one.is_final for stream in streams for _, one in stream.results)
    errors = [word_errors(said, stream.text) for stream in streams]
    lines = [
        f"first words after the sound   {_spread(first)}",
        f"final after the last word     {_spread(last)}",
        f"interim results               {interim / seconds / len(streams):.2f} a second",
        f"final results revised         {sum(one.revised_finals() for one in streams)}",
        f"words wrong                   {statistics.mean(errors):.3f}",
    ]
    if sizes:
        cpu = sum(one.cpu_seconds for one in sizes) / len(sizes) / (0.9 * seconds)
        memory = sum(one.pss_kib for one in sizes) / len(sizes) / 1024
        lines.append(f"a stream                      {cpu:.2f} of a core, {memory:.0f} MiB")
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    ranked = sorted(values)
    if not ranked:
        return "none"
    return f"{statistics.median(ranked):.2f} s (median), {ranked[-1]:.2f} s (longest)"


def _recording(path: Path | None) -> tuple[bytes, str]:
    """16 kHz mono linear16, and the text beside it."""
    found = resources.files("relayd.demo") / "recording.wav" if path is None else path
    text = resources.files("relayd.demo") / "recording.txt" if path is None else None
    with found.open("rb") as file, wave.open(file) as audio:
        assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (16_000, 1, 2)
        samples = audio.readframes(audio.getnframes())
    said = (text or path.with_suffix(".txt")) if path else text
    assert said is not None
    return samples, said.read_text(encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.words", description=__doc__)
    parser.add_argument("--engine", choices=sorted(LOCAL), default="moonshine")
    parser.add_argument("--streams", type=int, default=2, metavar="N")
    parser.add_argument("--cores", type=int, default=1, metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often it is said")
    parser.add_argument(
        "--recording", type=Path, metavar="WAV", help="16 kHz, mono; its text beside it in .txt"
    )
    options = parser.parse_args(arguments)
    pin(os.getpid(), frozenset(sorted(os.sched_getaffinity(0))[: options.cores]))
    audio, said = _recording(options.recording)
    said_so_often = " ".join([said] * options.rounds)
    figures = trio.run(
        _measure, options.engine, options.streams, audio * options.rounds, said_so_often
    )
    title = f"{options.engine}: {options.streams} streams on {options.cores} cores"
    sys.stdout.write(f"{title} ({procfs.machine()})\n{figures}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
