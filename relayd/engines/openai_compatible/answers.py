"""What these servers answer as ``verbose_json``, read as leniently as they differ. Pure.

OpenAI lists words beside segments, speaches also inside of them, vLLM leaves words out, and some
return the text alone.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from relayd.errors import EngineFailed
from relayd.speech.document import Document, Segment, TimedWord
from relayd.speech.files import FileRequest

__all__ = ["document"]


class _Word(msgspec.Struct):
    word: str
    start: float
    end: float
    probability: float | None = None


class _Segment(msgspec.Struct):
    text: str
    start: float
    end: float
    words: list[_Word] | None = None


class _Answer(msgspec.Struct):
    text: str
    language: str | None = None
    # vLLM writes it as a text.
    duration: float | str | None = None
    segments: list[_Segment] | None = None
    words: list[_Word] | None = None


# OpenAI's own server names languages in English; these are those that it promises to know.
_LANGUAGES: Final = (
    "af:afrikaans ar:arabic hy:armenian az:azerbaijani be:belarusian bs:bosnian bg:bulgarian "
    "ca:catalan zh:chinese hr:croatian cs:czech da:danish nl:dutch en:english et:estonian "
    "fi:finnish fr:french gl:galician de:german el:greek he:hebrew hi:hindi hu:hungarian "
    "is:icelandic id:indonesian it:italian ja:japanese kn:kannada kk:kazakh ko:korean lv:latvian "
    "lt:lithuanian mk:macedonian ms:malay mr:marathi mi:maori ne:nepali no:norwegian fa:persian "
    "pl:polish pt:portuguese ro:romanian ru:russian sr:serbian sk:slovak sl:slovenian es:spanish "
    "sw:swahili sv:swedish tl:tagalog ta:tamil th:thai tr:turkish uk:ukrainian ur:urdu "
    "vi:vietnamese cy:welsh"
)
_TAGS: Final = {pair[3:]: pair[:2] for pair in _LANGUAGES.split()}
_TAG_CHARACTERS_MAX: Final = 3


def document(answer: bytes, engine: str, request: FileRequest) -> Document:
    """The document of one file. Raises EngineFailed where the answer is none."""
    try:
        read = msgspec.json.decode(answer, type=_Answer)
        segments = _segments(read)
        duration_ms = _ms(float(read.duration)) if read.duration is not None else 0
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise EngineFailed(f"engines.{engine} answered what is no transcript") from error
    ends = [0, *(one.end_ms for one in segments)]
    return Document(
        engine,
        request.model,
        language=request.language or _tag(read.language or ""),
        duration_ms=duration_ms or max(ends),
        segments=segments,
    )


def _segments(read: _Answer) -> tuple[Segment, ...]:
    beside = [_word(one) for one in read.words or ()]
    if not read.segments:
        text = read.text.strip()
        if not text:
            return ()
        end_ms = beside[-1].end_ms if beside else 0
        return (Segment(text, beside[0].start_ms if beside else 0, end_ms, tuple(beside)),)
    found = []
    for number, one in enumerate(read.segments):
        after = read.segments[number + 1 :]
        inside = [_word(word) for word in one.words or ()] or _taken(beside, after)
        found.append(Segment(one.text.strip(), _ms(one.start), _ms(one.end), tuple(inside)))
    return tuple(found)


def _taken(words: list[TimedWord], after: Sequence[_Segment]) -> list[TimedWord]:
    """Take the words from the front that begin before the next segment does; the last takes all."""
    count = len(words)
    if after:
        until_ms = _ms(after[0].start)
        count = sum(1 for one in words if one.start_ms < until_ms)
    taken, words[:] = words[:count], words[count:]
    return taken


def _word(word: _Word) -> TimedWord:
    return TimedWord(word.word.strip(), _ms(word.start), _ms(word.end), word.probability)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _tag(language: str) -> str:
    lower = language.lower()
    return lower if len(lower) <= _TAG_CHARACTERS_MAX else _TAGS.get(lower, "")
