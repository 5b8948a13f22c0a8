"""A document as people read it: paragraphs, each with its beginning and who speaks. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from relayd.speech.document import Document, Segment
from relayd.speech.subtitles import clean

__all__ = ["Paragraph", "paragraphs"]

# A pause this long begins a new one …
GAP_MS: Final = 2_000
# … and so does the next sentence after about a minute of speech.
CHARACTERS: Final = 800


@attrs.frozen
class Paragraph:
    """``voice`` names the speaker or the channel; empty where the engine tells neither."""

    start_ms: int
    voice: str
    text: str


def paragraphs(document: Document) -> Iterator[Paragraph]:
    """Segments joined until the speaker changes or pauses."""
    group: list[Segment] = []
    for segment in document.segments:
        if not clean(segment.text):
            continue
        if group and _ends_before(segment, group):
            yield _joined(group)
            group = []
        group.append(segment)
    if group:
        yield _joined(group)


def _ends_before(segment: Segment, group: Sequence[Segment]) -> bool:
    return (
        _voice(segment) != _voice(group[-1])
        or segment.start_ms - group[-1].end_ms >= GAP_MS
        or sum(len(one.text) for one in group) >= CHARACTERS
    )


def _joined(group: Sequence[Segment]) -> Paragraph:
    text = " ".join(clean(one.text) for one in group)
    return Paragraph(group[0].start_ms, _voice(group[0]), text)


def _voice(segment: Segment) -> str:
    if segment.speaker is not None:
        return f"Speaker {segment.speaker + 1}"
    return "" if segment.channel is None else f"Channel {segment.channel + 1}"
