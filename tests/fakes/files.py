"""A file engine and a decoder that do as they are told, without any sound."""

from collections.abc import Sequence
from pathlib import Path

import attrs
import trio

from relayd.speech.document import Document, Segment
from relayd.speech.files import AudioForm, FileRequest, Progress
from relayd.speech.plan import ConfigRefusal

__all__ = ["Engines", "ScriptedDecoder", "ScriptedEngine", "recording"]


def recording(duration_ms: int) -> bytes:
    """What stands for a recording of this length."""
    return str(duration_ms).encode()


@attrs.frozen
class ScriptedPart:
    """A part in a file of its own."""

    start_ms: int
    path: Path


@attrs.frozen
class ScriptedSound:
    """Decoded sound."""

    duration_ms: int
    parts: Sequence[ScriptedPart]


@attrs.define(eq=False)
class ScriptedDecoder:
    """Implements `relayd.worker.ports.SoundDecoder` for what `recording` makes."""

    fault: Exception | None = None

    async def decode(
        self,
        path: Path,
        directory: Path,
        form: AudioForm = AudioForm.WAV,
        *,
        part_seconds: int | None = None,
        seconds_max: int | None = None,
    ) -> ScriptedSound:
        """Cut it into parts of that length."""
        if self.fault is not None:
            raise self.fault
        duration_ms = int(await trio.Path(path).read_text())
        step_ms = duration_ms if part_seconds is None else part_seconds * 1000
        parts = []
        for start_ms in range(0, duration_ms, step_ms):
            part = directory / f"{start_ms}.{form.value}"
            await trio.Path(part).write_text(str(min(step_ms, duration_ms - start_ms)))
            parts.append(ScriptedPart(start_ms, part))
        return ScriptedSound(duration_ms, parts)


@attrs.define(eq=False)
class ScriptedEngine:
    """Implements `relayd.speech.files.FileEngine`.

    It raises ``faults`` one after the other, and then says its own name for every part. While
    ``gate`` is there it waits for it, having told that half of the part is done.
    """

    name: str = "scripted"
    form: AudioForm = AudioForm.WAV
    part_seconds_max: int | None = None
    faults: list[Exception] = attrs.field(factory=list)
    gate: trio.Event | None = None
    # The gate opens once so many wait at it.
    opens_at: int | None = None
    # It can do nothing that it is asked for.
    refuses: bool = False
    requests: list[FileRequest] = attrs.field(factory=list)
    # Files at once, now and at most.
    busy: int = 0
    busiest: int = 0
    begun: trio.Event = attrs.field(factory=trio.Event)

    def refusal(self, request: FileRequest) -> ConfigRefusal | None:
        """Nothing or everything."""
        return ConfigRefusal("model", "it can't") if self.refuses else None

    async def transcribe(self, audio: Path, request: FileRequest, progress: Progress) -> Document:
        """See `FileEngine`."""
        self.requests.append(request)
        duration_ms = int(await trio.Path(audio).read_text())
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            progress(duration_ms // 2)
            self.begun.set()
            if self.gate is not None and self.busy == self.opens_at:
                self.gate.set()
            if self.gate is not None:
                await self.gate.wait()
            await trio.lowlevel.checkpoint()
        finally:
            self.busy -= 1
        if self.faults:
            raise self.faults.pop(0)
        progress(duration_ms)
        segment = Segment(self.name, 0, duration_ms)
        return Document(self.name, request.model, "en", duration_ms, (segment,))


@attrs.frozen
class ScriptedCandidate:
    """An engine, and what it is asked."""

    engine: ScriptedEngine
    request: FileRequest


@attrs.frozen
class Engines:
    """Implements `Catalogue`: all that don't refuse can do every model but "gone"; one pretends."""

    engines: Sequence[ScriptedEngine]

    def candidates(
        self, model: str, request: FileRequest, *, test: bool = False
    ) -> Sequence[ScriptedCandidate] | ConfigRefusal:
        """See `Catalogue`."""
        able = [
            one
            for one in self.engines
            if model != "gone" and not one.refuses and (one.name == "pretend") == test
        ]
        found = [ScriptedCandidate(one, attrs.evolve(request, model=model)) for one in able]
        return found or ConfigRefusal("model", f"model {model} is not offered")
