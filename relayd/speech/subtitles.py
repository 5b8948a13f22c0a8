"""Words with times laid out as subtitles, and written as SubRip and WebVTT. Pure.

Sizes and durations follow common practice (the guides of the BBC and of Netflix).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from relayd.speech.document import TimedWord

__all__ = ["Cue", "clean", "lay_out", "shared_out", "subrip", "webvtt"]

LINE_CHARACTERS: Final = 42
CUE_LINES: Final = 2
CUE_MS_MAX: Final = 7_000
# A pause this long begins a new subtitle …
GAP_MS: Final = 1_500
# … and a shorter one after the end of a sentence.
SENTENCE_GAP_MS: Final = 300
_SENTENCE_ENDS: Final = (".", "?", "!", "…", "。", "？", "！")  # noqa: RUF001 - as Japanese has them

_CLAUSE_ENDS: Final = (",", ";", ":", *_SENTENCE_ENDS)

# Where there is room before the next, a subtitle stays until it could be read: 20 characters
# a second, and a second at least.
CUE_MS_MIN: Final = 1_000
CHARACTER_MS: Final = 50

# What players take for timing lines and tags, and what looks alike.
_UNTAGGED: Final = (
    ("-->", "→"),
    ("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"),
    (">", "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"),
    ("{\\", "{ \\"),
)


@attrs.frozen
class Cue:
    """One subtitle: at most two lines, shown from ``start_ms`` until before ``end_ms``."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    speaker: int | None = None


def clean(text: str) -> str:
    """One line, single spaces, no control characters: nothing a terminal would act on."""
    shown = (" " if c.isspace() else c for c in text)
    return " ".join("".join(c for c in shown if unicodedata.category(c) != "Cc").split())


def shared_out(
    text: str, start_ms: int, end_ms: int, speaker: int | None = None
) -> list[TimedWord]:
    """The words of a text whose own times nobody knows: its time, shared out by their length."""
    pieces = clean(text).split()
    letters = sum(map(len, pieces))
    words: list[TimedWord] = []
    done = 0
    for piece in pieces:
        begin = start_ms + (end_ms - start_ms) * done // letters
        done += len(piece)
        end = start_ms + (end_ms - start_ms) * done // letters
        words.append(TimedWord(piece, begin, end, speaker=speaker))
    return words


def lay_out(
    words: Sequence[TimedWord], *, not_before_ms: int = 0, until_ms: int | None = None
) -> Iterator[Cue]:
    """Cut words into subtitles that never overlap and never run backwards.

    ``not_before_ms``: where the subtitle before ended. ``until_ms``: how long the last may stay.
    """
    groups = list(_groups(words))
    rooms = [after[0].start_ms for after in groups[1:]]
    for group, room_ms in zip(groups, [*rooms, until_ms], strict=False):
        texts = [word.text for word in group]
        start_ms = max(group[0].start_ms, not_before_ms)
        end_ms = max(group[-1].end_ms, start_ms + 1)
        if room_ms is not None:
            readable_ms = min(max(CUE_MS_MIN, CHARACTER_MS * sum(map(len, texts))), CUE_MS_MAX)
            end_ms = max(end_ms, min(start_ms + readable_ms, room_ms))
        yield Cue(start_ms, end_ms, _balanced(texts), group[0].speaker)
        not_before_ms = end_ms


def subrip(cue: Cue, number: int) -> str:
    """One subtitle of an .srt file, numbered from 1.

    The format has no escapes: what a player would take for a timing line or a tag is respelled.
    """
    lines = "\n".join(_untagged(line) for line in cue.lines)
    return f"{number}\n{_stamp(cue.start_ms, ',')} --> {_stamp(cue.end_ms, ',')}\n{lines}\n\n"


def webvtt(cue: Cue) -> str:
    """One subtitle of a .vtt file (https://www.w3.org/TR/webvtt1/), the speaker as its voice."""
    lines = "\n".join(_escaped(line) for line in cue.lines)
    voice = "" if cue.speaker is None else f"<v Speaker {cue.speaker + 1}>"
    return f"{_stamp(cue.start_ms, '.')} --> {_stamp(cue.end_ms, '.')}\n{voice}{lines}\n\n"


def _groups(words: Sequence[TimedWord]) -> Iterator[list[TimedWord]]:
    """Cut where it would not fit on the screen, last too long, or where the speaker ended."""
    group: list[TimedWord] = []
    for word in _pieces(words):
        while group and (count := _ended_by(word, group)):
            yield group[:count]
            group = group[count:]
        group.append(word)
    if group:
        yield group


def _ended_by(word: TimedWord, group: Sequence[TimedWord]) -> int:
    """How many words of the group are a subtitle, now that this word follows; 0 for not yet."""
    last = group[-1]
    gap_ms = word.start_ms - last.end_ms
    sentence = last.text.endswith(_SENTENCE_ENDS)
    length = sum(len(one.text) + 1 for one in group)
    if (
        word.speaker != last.speaker
        or gap_ms > GAP_MS
        or (sentence and (gap_ms >= SENTENCE_GAP_MS or length > LINE_CHARACTERS))
    ):
        return len(group)
    if (
        word.end_ms - group[0].start_ms > CUE_MS_MAX
        or len(_filled([*(one.text for one in group), word.text])) > CUE_LINES
    ):
        return _longest_pause([*group, word])
    return 0


def _longest_pause(words: Sequence[TimedWord]) -> int:
    """After how many of the words the speaker pauses longest; near the end where he doesn't."""

    def pause_ms(count: int) -> int:
        before, after = words[count - 1], words[count]
        written = SENTENCE_GAP_MS if before.text.endswith(_CLAUSE_ENDS) else 0
        return max(after.start_ms - before.end_ms, 0) + written

    counts = range(len(words) - 1, max(len(words) // 3, 1) - 1, -1)
    longest = max(counts, key=pause_ms)
    return longest if pause_ms(longest) >= SENTENCE_GAP_MS else len(words) - 1


def _pieces(words: Sequence[TimedWord]) -> Iterator[TimedWord]:
    """What a line can hold: no spaces inside, and never longer than a line."""
    for word in words:
        for piece in clean(word.text).split():
            for start in range(0, len(piece), LINE_CHARACTERS):
                yield attrs.evolve(word, text=piece[start : start + LINE_CHARACTERS])


def _filled(texts: Sequence[str]) -> list[str]:
    """Fill one line after the other."""
    lines: list[str] = []
    for text in texts:
        if lines and len(lines[-1]) + 1 + len(text) <= LINE_CHARACTERS:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return lines


def _balanced(texts: Sequence[str]) -> tuple[str, ...]:
    """One line where it fits, else two that are about as long."""
    whole = " ".join(texts)
    if len(whole) <= LINE_CHARACTERS:
        return (whole,)
    splits = [(" ".join(texts[:n]), " ".join(texts[n:])) for n in range(1, len(texts))]
    return min(splits, key=lambda lines: max(map(len, lines)))


def _stamp(milliseconds: int, point: str) -> str:
    """``HH:MM:SS.mmm``; hours grow past two digits if they must."""
    seconds, ms = divmod(milliseconds, 1000)
    minutes, s = divmod(seconds, 60)
    h, m = divmod(minutes, 60)
    return f"{h:02}:{m:02}:{s:02}{point}{ms:03}"


def _untagged(line: str) -> str:
    for tagged, plain in _UNTAGGED:
        line = line.replace(tagged, plain)
    return line


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
