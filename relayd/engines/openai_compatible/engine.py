"""Implements `relayd.speech.files.FileEngine` with ``POST /audio/transcriptions``.

Source of the fields: OpenAI, "Create transcription"
(https://platform.openai.com/docs/api-reference/audio/createTranscription).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import httpx

from relayd import config
from relayd.engines.hosted import Server, open_server
from relayd.engines.openai_compatible.answers import document
from relayd.errors import EngineFailed
from relayd.speech.document import Document
from relayd.speech.files import AudioForm, FileRequest, Progress
from relayd.speech.plan import ConfigRefusal

__all__ = ["NAME", "OpenAiCompatible", "open_openai_compatible"]

NAME: Final = "openai_compatible"


@attrs.define(eq=False)
class OpenAiCompatible:
    """A server's models for files of at most ``part_seconds_max``."""

    _settings: config.OpenAiCompatible
    _server: Server
    name: str = NAME
    # Every server takes it, and Groq advises it.
    form: AudioForm = AudioForm.FLAC

    @property
    def part_seconds_max(self) -> int | None:
        """Servers bound the size of a file."""
        return self._settings.part_minutes * 60

    def refusal(self, request: FileRequest) -> ConfigRefusal | None:
        """What of this request the engine can't do; None where it can do all of it."""
        for key, asked in (("diarise", request.diarise), ("channels", request.channels)):
            if asked:
                return ConfigRefusal(key, f"{key} is not offered with this model: leave it out")
        return None

    async def transcribe(self, audio: Path, request: FileRequest, progress: Progress) -> Document:
        """Send one file, and read what was heard. Raises EngineBusy, EngineOff, EngineFailed."""
        fields: dict[str, Any] = {
            "model": request.model,
            "response_format": "verbose_json",
            "timestamp_granularities[]": ["word", "segment"],
        }
        if request.language:
            # They know languages, and no regions.
            fields["language"] = request.language.split("-")[0].lower()
        if request.prompt:
            fields["prompt"] = request.prompt
        url = self._settings.url.rstrip("/") + "/audio/transcriptions"
        try:
            # Read as it is sent, 64 KiB at a time, of a file that was just written.
            with audio.open("rb") as file:
                sent = {"file": (audio.name, file, "audio/flac")}
                answer = await self._server.post(url, data=fields, files=sent)
        except OSError as error:
            raise EngineFailed(f"a part can't be read: {error.strerror}") from error
        found = document(answer, self.name, request)
        progress(found.duration_ms)
        return found


@asynccontextmanager
async def open_openai_compatible(
    settings: config.OpenAiCompatible,
    transport: httpx.AsyncBaseTransport | None = None,
    name: str = NAME,
) -> AsyncIterator[OpenAiCompatible]:
    """The server of these settings, by this name; ``transport`` stands in for the network."""
    key = settings.api_key.reveal()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with open_server(
        f"engines.{name}", headers, settings.request_seconds, transport
    ) as server:
        yield OpenAiCompatible(settings, server, name)
