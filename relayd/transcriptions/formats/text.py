"""For reading anywhere: plain text, a line a paragraph."""

from relayd.speech.document import Document
from relayd.transcriptions.formats.paragraphs import paragraphs

__all__ = ["txt"]


def txt(document: Document) -> str:
    """Paragraphs with an empty line between them, each with its speaker where one is known."""
    return "\n".join(
        (f"{one.voice}: " if one.voice else "") + one.text + "\n" for one in paragraphs(document)
    )
