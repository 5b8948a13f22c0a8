"""Whether a request names a proper Host; pure. If not, it gets a 400 (RFC 9112, section 3.2)."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["has_proper_host"]

# RFC 3986, sections 3.2.2 and 3.2.3: an IP literal or a name of its characters, perhaps a port.
_HOST: Final = re.compile(
    rb"(?:\[[0-9A-Za-z:.%]+\]|(?P<name>[0-9A-Za-z\-._~!$&'()*+,;=%]*))(?::[0-9]*)?"
)
# RFC 1035, section 2.3.4. Frameworks encode the name label by label and fail on others.
_LABEL_BYTES_MAX: Final = 63


def has_proper_host(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether there is at most one Host, and that is a host."""
    values = [value for name, value in headers if name == b"host"]
    if not values:
        # HTTP/1.0; in 1.1 the parser has refused it already.
        return True
    match = _HOST.fullmatch(values[0])
    if len(values) > 1 or match is None:
        return False
    name = match["name"] or b""
    labels = name.removesuffix(b".").split(b".")
    return not name or all(0 < len(label) <= _LABEL_BYTES_MAX for label in labels)
