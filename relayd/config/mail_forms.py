"""The forms of what mail needs: hosts and senders. See `relayd.config.forms`."""

import re

__all__ = ["host", "sender"]


def host(text: str) -> str | None:
    """The name or address of a mail server; empty for none."""
    if not text or re.fullmatch(r"[A-Za-z0-9.\-]{1,253}|[0-9A-Fa-f:.]{2,45}", text):
        return None
    return 'must be a host name or an IP address alone, for example "smtp.example.org"'


def sender(text: str) -> str | None:
    """One address, in ASCII, without a name; empty for none."""
    if not text or re.fullmatch(
        r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,64}@[A-Za-z0-9.\-]{1,190}", text
    ):
        return None
    return 'must be an email address alone, for example "relay@example.org"'
