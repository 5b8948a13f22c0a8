"""For players: SubRip and WebVTT."""

from collections.abc import Iterator

import attrs

from relayd.speech.document import Document, TimedWord
from relayd.speech.subtitles import Cue, lay_out, shared_out, subrip, webvtt

__all__ = ["srt", "vtt"]


def srt(document: Document) -> str:
    """Numbered subtitles; empty where nothing was said."""
    return "".join(subrip(cue, number) for number, cue in enumerate(_cues(document), 1))


def vtt(document: Document) -> str:
    """The same with speakers, after the line that every such file begins with."""
    return "WEBVTT\n\n" + "".join(map(webvtt, _cues(document)))


def _cues(document: Document) -> Iterator[Cue]:
    return lay_out(list(_words(document)), until_ms=document.duration_ms)


def _words(document: Document) -> Iterator[TimedWord]:
    """Every word, with a time and whoever said it: on a channel of his own, its number."""
    for one in document.segments:
        speaker = one.channel if one.speaker is None else one.speaker
        for word in one.words or shared_out(one.text, one.start_ms, one.end_ms):
            yield attrs.evolve(word, speaker=speaker if word.speaker is None else word.speaker)
