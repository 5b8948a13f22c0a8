"""An engine on this machine for whole files, whatever its model: orders down, segments up."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import msgspec
import trio

from relayd.children.child import Child, ChildEnded
from relayd.engines.local.slots import Slots
from relayd.errors import EngineFailed
from relayd.speech.document import Document, Segment
from relayd.speech.files import AudioForm, FileRequest, Progress
from relayd.speech.plan import ConfigRefusal

__all__ = ["FileModel", "LocalFiles"]


@attrs.frozen
class FileModel:
    """A model, what starts a process with it, and the languages that it knows."""

    name: str
    command: tuple[str, ...]
    languages: tuple[str, ...]


@attrs.define(eq=False)
class LocalFiles:
    """Implements `relayd.speech.files.FileEngine`."""

    name: str
    models: Mapping[str, FileModel]
    _slots: Slots
    part_seconds_max: int | None
    # Between two messages of a process; it says how far it is after each stretch of audio.
    _stall_seconds: float
    form: AudioForm = AudioForm.WAV

    def refusal(self, request: FileRequest) -> ConfigRefusal | None:
        """What of this request the engine can't do; None where it can do all of it."""
        model = self.models.get(request.model)
        if model is None:
            return ConfigRefusal("model", f"model {request.model} is not on this machine")
        language = request.language.lower().split("-")[0]
        if language and language not in model.languages:
            known = ", ".join(model.languages)
            return ConfigRefusal("language", f"language must be one of {known} with this model")
        for key, asked in (("diarise", request.diarise), ("channels", request.channels)):
            if asked:
                return ConfigRefusal(key, f"{key} is not offered with this model: leave it out")
        return None

    async def transcribe(self, audio: Path, request: FileRequest, progress: Progress) -> Document:
        """Transcribe one file in a process of this machine, which is killed when cancelled.

        Raises EngineBusy, EngineOff, EngineFailed.
        """
        async with self._slots.child(self.models[request.model].command) as child:
            try:
                return await self._ask(child, audio, request, progress)
            except ChildEnded as error:
                raise EngineFailed(
                    f"a process of engine {self.name} {error}; signal 9 mostly is the kernel short"
                    " of memory (lower engines.files.slots)"
                ) from error
            except trio.TooSlowError:
                raise EngineFailed(
                    f"a process of engine {self.name} said nothing for {self._stall_seconds} s"
                    " (engines.files.stall_seconds)"
                ) from None

    async def _ask(
        self, child: Child, audio: Path, request: FileRequest, progress: Progress
    ) -> Document:
        languages = self.models[request.model].languages
        # A model of one language finds out nothing.
        language = request.language or (languages[0] if len(languages) == 1 else "")
        order = {"audio": str(audio), "language": language, "prompt": request.prompt}
        segments: list[Segment] = []
        with trio.fail_after(self._stall_seconds) as silence:
            await child.write(json.dumps(order).encode("ascii") + b"\n")
            while True:
                message = await child.read()
                silence.deadline = trio.current_time() + self._stall_seconds
                if "end" in message:
                    return self._document(request.model, message["end"], segments)
                if "failed" in message:
                    raise EngineFailed(f"engine {self.name} failed: {message['failed']}")
                if "done_ms" in message:
                    progress(message["done_ms"])
                else:
                    segments.append(msgspec.convert(message["segment"], Segment))

    def _document(self, model: str, end: dict[str, Any], segments: Sequence[Segment]) -> Document:
        return Document(
            self.name,
            model,
            language=end["language"],
            duration_ms=end["duration_ms"],
            segments=tuple(segments),
        )
