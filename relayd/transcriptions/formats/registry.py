"""The formats by name."""

from collections.abc import Callable
from typing import Final

import attrs

from relayd.speech.document import Document
from relayd.transcriptions.formats.page import html
from relayd.transcriptions.formats.structured import json, verbose_json
from relayd.transcriptions.formats.subtitles import srt, vtt
from relayd.transcriptions.formats.text import txt

__all__ = ["FORMATS", "ResultFormat"]


@attrs.frozen
class ResultFormat:
    """How a transcript can be fetched: its name, its media type, its file's suffix."""

    name: str
    media_type: str
    suffix: str
    write: Callable[[Document], str]


FORMATS: Final = {
    one.name: one
    for one in (
        ResultFormat("json", "application/json", "json", json),
        ResultFormat("verbose_json", "application/json", "json", verbose_json),
        ResultFormat("txt", "text/plain; charset=utf-8", "txt", txt),
        ResultFormat("srt", "application/x-subrip; charset=utf-8", "srt", srt),
        ResultFormat("vtt", "text/vtt; charset=utf-8", "vtt", vtt),
        ResultFormat("html", "text/html; charset=utf-8", "html", html),
    )
}
