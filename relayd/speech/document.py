"""What an engine makes of a whole recording: its words, and when each was said.

Times are whole milliseconds from the recording's beginning. From this one document every format
that a caller can ask for is written.
"""

from collections.abc import Iterator, Sequence

import attrs

__all__ = ["Document", "Segment", "TimedWord"]


@attrs.frozen
class TimedWord:
    """One word as it is to be read, with its punctuation.

    ``confidence`` is from 0 to 1, and None where the engine tells none.
    """

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None
    speaker: int | None = None


@attrs.frozen
class Segment:
    """A stretch that the engine cut out as a whole: a sentence, an utterance.

    ``words`` is empty where the engine tells no times of words. ``channel`` counts from 0 and is
    None where the channels were mixed.
    """

    text: str
    start_ms: int
    end_ms: int
    words: tuple[TimedWord, ...] = ()
    speaker: int | None = None
    channel: int | None = None

    def later(self, offset_ms: int) -> "Segment":
        """The same, so much later."""
        words = tuple(
            attrs.evolve(one, start_ms=one.start_ms + offset_ms, end_ms=one.end_ms + offset_ms)
            for one in self.words
        )
        return attrs.evolve(
            self, start_ms=self.start_ms + offset_ms, end_ms=self.end_ms + offset_ms, words=words
        )


@attrs.frozen
class Document:
    """The transcript of one recording.

    ``model`` is the engine's own name for it. ``language`` is a BCP-47 tag, empty where the
    engine doesn't say it. Segments stand in the order of their beginnings.
    """

    engine: str
    model: str
    language: str
    duration_ms: int
    segments: tuple[Segment, ...] = ()

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(one.text for one in self.segments if one.text)

    @property
    def words(self) -> Iterator[TimedWord]:
        """Every word that has a time."""
        for one in self.segments:
            yield from one.words

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, "Document"]]) -> "Document":
        """Put parts of a recording together, each with its beginning in milliseconds.

        Parts touch and don't overlap, so what is said in one is said in no other. At least one.
        """
        _, first = parts[0]
        return attrs.evolve(
            first,
            language=next((one.language for _, one in parts if one.language), ""),
            duration_ms=max(start_ms + one.duration_ms for start_ms, one in parts),
            segments=tuple(
                segment.later(start_ms)
                for start_ms, one in sorted(parts, key=lambda part: part[0])
                for segment in one.segments
            ),
        )
