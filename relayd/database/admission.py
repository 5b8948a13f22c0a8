"""Whom the embedded PostgreSQL lets in: the users that own its data directory, and root.

Its socket lies in a private directory, and that is not enough: whoever has the server's user finds
the directory as its working directory in /proc. So the server asks the kernel who connects
(`peer`), and the kernel's answer must stand in our map. The map is written anew at every start,
clusters of earlier versions included.
"""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from relayd.database.binaries import SystemUser

__all__ = ["admit_owners_only"]

# All that may connect, and how: by the socket, as whom the kernel says. No other line, so that
# everybody else is refused.
_RULES: Final = """\
# Written by relayd at every start.
local all all peer map=relayd
"""
_MAP_HEAD: Final = (
    "# Written by relayd at every start: users of this system, and as whom they may connect.\n"
)


def admit_owners_only(directory: Path, account: SystemUser | None) -> bool:
    """Write who may connect to the server in this directory; whether that changed.

    ``account``: the user that the server runs as, where that isn't ourselves.
    """
    names = "".join(f"relayd {_quoted(name)} all\n" for name in _owners(directory.parent))
    changed = [
        _write(directory / name, text, account)
        for name, text in (("pg_hba.conf", _RULES), ("pg_ident.conf", _MAP_HEAD + names))
    ]
    return any(changed)


def _owners(gate: Path) -> Iterator[str]:
    """The names of root, who may do anything anyway, of the directory's owner and of ourselves."""
    for uid in sorted({0, gate.stat().st_uid, os.geteuid()}):
        try:
            yield pwd.getpwuid(uid).pw_name
        except KeyError:
            continue  # PostgreSQL knows users by name: one without can't run it.


def _quoted(name: str) -> str:
    return f'"{name.replace(chr(34), chr(34) * 2)}"'


def _write(path: Path, text: str, account: SystemUser | None) -> bool:
    """Replace a file of the server's, whole; whether it was another before."""
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    # We may be root in a directory of somebody else's: a link that stands there is not followed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
        file.write(text.encode())
        if account is not None:
            os.fchown(file.fileno(), account.uid, account.gid)
        os.fsync(file.fileno())
    fresh.replace(path)
    return True
