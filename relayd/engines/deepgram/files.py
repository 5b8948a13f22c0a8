"""Deepgram's interface for recordings: the file streamed up as it is, everything told at once.

Source: Deepgram, "Pre-Recorded Audio" and the reference of ``POST /v1/listen``.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import httpx
import msgspec
import trio

from relayd import config
from relayd.engines.hosted import Server, open_server
from relayd.errors import EngineFailed
from relayd.speech.document import Document, Segment, TimedWord
from relayd.speech.files import AudioForm, FileRequest, Progress
from relayd.speech.plan import ConfigRefusal

__all__ = ["DeepgramFiles", "open_deepgram_files"]

# Deepgram works on a file for at most ten minutes, Whisper's models for twenty.
ANSWER_SECONDS: Final = 1260
PIECE_BYTES: Final = 256 * 1024


class _Word(msgspec.Struct):
    word: str
    start: float
    end: float
    confidence: float | None = None
    punctuated_word: str | None = None
    speaker: int | None = None


class _Utterance(msgspec.Struct):
    start: float
    end: float
    transcript: str
    channel: int = 0
    words: list[_Word] = []
    speaker: int | None = None


class _Channel(msgspec.Struct):
    detected_language: str | None = None


class _Results(msgspec.Struct):
    channels: list[_Channel] = []
    utterances: list[_Utterance] = []


class _Metadata(msgspec.Struct):
    duration: float


class _Answer(msgspec.Struct):
    metadata: _Metadata
    results: _Results


@attrs.define(eq=False)
class DeepgramFiles:
    """Implements `relayd.speech.files.FileEngine`."""

    _settings: config.Deepgram
    _server: Server
    name: str = "deepgram"
    form: AudioForm = AudioForm.ORIGINAL
    # Speakers are told apart over the whole recording.
    part_seconds_max: int | None = None

    def refusal(self, request: FileRequest) -> ConfigRefusal | None:
        """What of this request the engine can't do; None where it can do all of it."""
        if request.diarise and "diarize" not in self._settings.paid_features:
            return ConfigRefusal("diarise", "diarise is not offered by this server")
        return None

    async def transcribe(self, audio: Path, request: FileRequest, progress: Progress) -> Document:
        """Send one file, and read what was heard. Raises EngineBusy, EngineOff, EngineFailed."""
        parameters = {"model": request.model, "utterances": "true", "smart_format": "true"}
        if request.language:
            parameters["language"] = request.language
        else:
            parameters["detect_language"] = "true"
        if request.diarise:
            parameters["diarize"] = "true"
        if request.channels:
            parameters["multichannel"] = "true"
        try:
            async with _pieces(audio) as pieces:
                answer = await self._server.post(
                    _address(self._settings.url),
                    params=parameters,
                    content=pieces,
                    headers={"Content-Type": "application/octet-stream"},
                )
        except OSError as error:
            raise EngineFailed(f"a recording can't be read: {error.strerror}") from error
        found = _document(answer, request)
        progress(found.duration_ms)
        return found


@asynccontextmanager
async def open_deepgram_files(
    settings: config.Deepgram, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[DeepgramFiles]:
    """Deepgram with these settings; ``transport`` stands in for the network."""
    headers = {"Authorization": f"Token {settings.api_key.reveal()}"}
    async with open_server("engines.deepgram", headers, ANSWER_SECONDS, transport) as server:
        yield DeepgramFiles(settings, server)


def _address(streams: str) -> str:
    """Where files go, beside where streams are opened (``wss://host``)."""
    return "http" + streams.removeprefix("ws").rstrip("/") + "/v1/listen"


@trio.as_safe_channel
async def _pieces(path: Path) -> AsyncGenerator[bytes, None]:
    async with await trio.open_file(path, "rb") as file:
        while piece := await file.read(PIECE_BYTES):
            yield piece


def _document(answer: bytes, request: FileRequest) -> Document:
    try:
        read = msgspec.json.decode(answer, type=_Answer)
        segments = tuple(_segment(one, apart=request.channels) for one in read.results.utterances)
        duration_ms = _ms(read.metadata.duration)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise EngineFailed("engines.deepgram answered what is no transcript") from error
    detected = next((one.detected_language for one in read.results.channels), None)
    return Document(
        "deepgram",
        request.model,
        language=request.language or detected or "",
        duration_ms=duration_ms,
        segments=tuple(sorted(segments, key=lambda one: one.start_ms)),
    )


def _segment(utterance: _Utterance, *, apart: bool) -> Segment:
    words = tuple(
        TimedWord(
            one.punctuated_word or one.word,
            _ms(one.start),
            _ms(one.end),
            one.confidence,
            one.speaker,
        )
        for one in utterance.words
    )
    return Segment(
        utterance.transcript,
        _ms(utterance.start),
        _ms(utterance.end),
        words,
        speaker=utterance.speaker,
        channel=utterance.channel if apart else None,
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
