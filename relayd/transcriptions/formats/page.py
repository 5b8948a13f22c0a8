"""For reading in a browser: a page that stands alone, with no script."""

from html import escape

from relayd.speech.document import Document
from relayd.transcriptions.formats.paragraphs import Paragraph, paragraphs

__all__ = ["html"]

_PAGE = """\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Transcript</title>
<style>
body {{ max-width: 42rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 sans-serif; }}
time {{ color: #666; font-size: .8rem; font-variant-numeric: tabular-nums; margin-right: .5rem; }}
</style>
</head>
<body>
<h1>Transcript</h1>
{paragraphs}</body>
</html>
"""


def html(document: Document) -> str:
    """A paragraph with its time for each that is spoken."""
    return _PAGE.format(
        language=escape(document.language or "und"),
        paragraphs="".join(map(_paragraph, paragraphs(document))),
    )


def _paragraph(paragraph: Paragraph) -> str:
    voice = f"<strong>{escape(paragraph.voice)}</strong> " if paragraph.voice else ""
    return f"<p>{_time(paragraph.start_ms)}{voice}{escape(paragraph.text)}</p>\n"


def _time(milliseconds: int) -> str:
    """For people ``1:02:03``, for programs a duration (HTML, "Valid duration string")."""
    minutes, s = divmod(milliseconds // 1000, 60)
    h, m = divmod(minutes, 60)
    shown = f"{h}:{m:02}:{s:02}" if h else f"{m}:{s:02}"
    return f'<time datetime="PT{h}H{m}M{s}S">{shown}</time>'
