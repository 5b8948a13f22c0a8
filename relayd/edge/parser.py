"""h11's parser, stricter where two programs could disagree about where a request ends.

A proxy in front that reads such a request in the other way takes part of it for a request of
somebody else's. So it is refused with 400 and its connection ended, instead of being mended.
"""

import re
from typing import Any, Final

import h11

__all__ = ["Parser"]

# What h11 takes for the end of a head, and a line that continues the one before (obs-fold).
_END: Final = re.compile(rb"\n\r?\n")
_FOLD: Final = re.compile(rb"\n[ \t]")


class Parser(h11.Connection):
    """The server's end of a connection."""

    def __init__(self, head_bytes: int) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=head_bytes)

    def next_event(self) -> Any:
        """h11's, for proper requests. Raises `h11.RemoteProtocolError`."""
        if self.their_state is h11.IDLE and _is_folded(self.trailing_data[0]):
            raise h11.RemoteProtocolError("a header in several lines", error_status_hint=400)
        event = super().next_event()
        if isinstance(event, h11.Request):
            fault = _framing_fault(event)
            if fault is not None:
                raise h11.RemoteProtocolError(fault, error_status_hint=400)
        return event


def _is_folded(data: bytes) -> bool:
    """RFC 9112, section 5.2. What lies behind the head is none of this."""
    fold = _FOLD.search(data)
    if fold is None:
        return False
    end = _END.search(data)
    return end is None or fold.start() < end.start()


def _framing_fault(request: h11.Request) -> str | None:
    """RFC 9112, sections 6.1 and 6.3; h11 has seen to each of the two headers by itself."""
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" not in names:
        return None
    if b"content-length" in names:
        return "Transfer-Encoding and Content-Length"
    return "Transfer-Encoding in HTTP/1.0" if request.http_version == b"1.0" else None
