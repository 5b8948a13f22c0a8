"""PostgreSQL's own tools, of the version that the server has.

An older pg_dump refuses a newer server, and what a newer one writes an older server may not read.
So it has to be the same major version, and what is missing is said with how to install it.
"""

import contextlib
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from relayd.database import binaries
from relayd.errors import MissingExtra, OperatorError

__all__ = ["ToolFailed", "Tools", "find_tools", "said"]

PROGRAMS: Final = ("pg_dump", "pg_restore", "psql")
# Where distributions keep several versions beside each other: Debian's, Red Hat's, Homebrew's.
PLACES: Final = (
    "/usr/lib/postgresql/{major}/bin",
    "/usr/pgsql-{major}/bin",
    "/opt/homebrew/opt/postgresql@{major}/bin",
    "/usr/local/opt/postgresql@{major}/bin",
)
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_SAID_CHARACTERS_MAX: Final = 500


class ToolFailed(OperatorError):  # noqa: N818 - named for what happened, as in relayd.errors
    """A tool of PostgreSQL's did not do what it was asked."""


@attrs.frozen
class Tools:
    """The programs in one directory."""

    directory: Path

    def command(self, program: str, url: str, *arguments: str) -> list[str]:
        """Its command line for this database, without the password."""
        parameters = conninfo_to_dict(url)
        for secret in ("password", "sslpassword"):
            parameters.pop(secret, None)
        target = f"--dbname={make_conninfo('', **parameters)}"
        return [str(self.directory / program), target, "--no-password", *arguments]

    def script(self, path: Path, schema: str) -> list[str]:
        """The command line that writes an archive's objects of this schema as SQL."""
        options = ("--no-owner", "--no-privileges", f"--schema={schema}", "--file=-")
        return [str(self.directory / "pg_restore"), *options, str(path)]

    def environment(self, url: str) -> Mapping[str, str]:
        """Ours without our secrets, and with the database's password."""
        kept = {name: one for name, one in os.environ.items() if not name.startswith("RELAYD_")}
        password = conninfo_to_dict(url).get("password")
        return kept | {"LC_ALL": "C"} | ({"PGPASSWORD": str(password)} if password else {})

    def run(self, program: str, *arguments: str, url: str) -> None:
        """Run it to its end. Raises `ToolFailed` with what it said."""
        done = subprocess.run(  # noqa: S603 - a program of PostgreSQL's, arguments of ours
            self.command(program, url, *arguments),
            env=self.environment(url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            umask=0o077,
            check=False,
        )
        if done.returncode:
            raise ToolFailed(f"{program} failed: {said(done.stderr)}")


def said(output: bytes) -> str:
    """The errors among a tool's messages, on one line; never the rows that they may quote."""
    lines = output.decode(errors="replace").splitlines()
    errors = [one for one in lines if "error:" in one or "ERROR:" in one or "FATAL:" in one]
    return " ".join(errors or lines[-1:])[:_SAID_CHARACTERS_MAX] or "it said nothing"


def find_tools(major: int) -> Tools:
    """Those of this major version. Raises `OperatorError` with how to install them."""
    for directory in _directories(major):
        if all((directory / one).is_file() for one in PROGRAMS) and _major(directory) == major:
            return Tools(directory)
    raise OperatorError(
        f"the server is PostgreSQL {major}, and its own pg_dump, pg_restore and psql of that "
        f"version are not here: apt-get install postgresql-client-{major}, or another system's "
        "package of the same tools"
    )


def _directories(major: int) -> Iterator[Path]:
    if major == binaries.MAJOR:
        with contextlib.suppress(MissingExtra):
            yield binaries.programs(None)
    yield from (Path(place.format(major=major)) for place in PLACES)
    found = shutil.which("pg_dump")
    if found:
        yield Path(found).parent


@functools.cache
def _major(directory: Path) -> int | None:
    try:
        told = subprocess.run(  # noqa: S603 - found where PostgreSQL's tools are
            [str(directory / "pg_dump"), "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return None
    match = _VERSION.search(told)
    return int(match[1]) if match else None
