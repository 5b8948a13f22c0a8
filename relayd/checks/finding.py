"""One thing looked at."""

import attrs

__all__ = ["Finding"]


@attrs.frozen
class Finding:
    """How it stands, and what to do where it is not well, or could be better."""

    subject: str
    well: bool
    detail: str
    remedy: str = ""
