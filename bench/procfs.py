"""What a process cost so far, from /proc: CPU time, resident memory."""

import os
from pathlib import Path
from typing import Final

import attrs

__all__ = ["Usage", "below", "cpu_seconds", "machine", "usage"]

_TICKS: Final = os.sysconf("SC_CLK_TCK")
# utime and stime are fields 14 and 15 of stat(5), cutime and cstime (of children that ended) 16
# and 17; the first two fields are cut off with the command's name, which may hold spaces.
_UTIME: Final = 14 - 3


@attrs.frozen
class Usage:
    """CPU seconds of all threads since the start; memory in KiB."""

    cpu_seconds: float
    rss_kib: int
    pss_kib: int


def usage(pid: int) -> Usage:
    """What this process used so far."""
    sizes = {"Rss": 0, "Pss": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0])
    return Usage(cpu_seconds(pid), sizes["Rss"], sizes["Pss"])


def cpu_seconds(pid: int, *, ended_children: bool = False) -> float:
    """User and system time; 0 for a process that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = stat.rpartition(")")[2].split()
    ticks = fields[_UTIME : _UTIME + (4 if ended_children else 2)]
    return sum(map(int, ticks)) / _TICKS


def below(directory: Path) -> list[int]:
    """Processes whose working directory is this one: PostgreSQL's all work in their data."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == directory:
                found.append(int(entry.name))
        except OSError:
            continue  # Gone, or another user's.
    return found


def machine() -> str:
    """The machine in a few words."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    system = os.uname()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return (
        f"{os.cpu_count()} cores ({model}), {memory} GiB, {system.sysname} "
        f"{system.release.partition('-')[0]}"
    )
