"""What processes cost so far, from /proc: CPU time, resident memory."""

import os
from pathlib import Path
from typing import Final

import attrs

__all__ = [
    "Usage",
    "below",
    "children",
    "cpu_seconds",
    "family",
    "idle_seconds",
    "machine",
    "usage",
]

_TICKS: Final = os.sysconf("SC_CLK_TCK")
# utime and stime are fields 14 and 15 of stat(5), cutime and cstime (of children that ended) 16
# and 17, the parent's number is 4; the first two fields are cut off with the command's name,
# which may hold spaces.
_PARENT: Final = 4 - 3
_UTIME: Final = 14 - 3
# A core's line of /proc/stat: its name, then user, nice, system, idle, iowait.
_IDLE: Final = slice(4, 6)


@attrs.frozen
class Usage:
    """CPU seconds of all threads since the start; memory in KiB."""

    cpu_seconds: float
    rss_kib: int
    pss_kib: int


def usage(pid: int) -> Usage:
    """What a process and all that it started used so far."""
    cpu, sizes = 0.0, {"Rss": 0, "Pss": 0}
    for one in family(pid):
        cpu += cpu_seconds(one)
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sizes:
                sizes[name] += int(rest.split()[0])
    return Usage(cpu, sizes["Rss"], sizes["Pss"])


def children(pid: int) -> frozenset[int]:
    """The processes that this one started and that live, zombies not among them."""
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    fields = ((one, _stat(one)) for one in found)
    return frozenset(
        one for one, stat in fields if stat and int(stat[_PARENT]) == pid and stat[0] != "Z"
    )


def family(pid: int) -> list[int]:
    """A process, its children, theirs, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[_PARENT]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += sorted(children.get(one, ()))
    return found


def cpu_seconds(pid: int, *, ended_children: bool = False) -> float:
    """User and system time; 0 for a process that is gone."""
    ticks = _stat(pid)[_UTIME : _UTIME + (4 if ended_children else 2)]
    return sum(map(int, ticks)) / _TICKS


def idle_seconds(core: int) -> float:
    """Time in which this core had nothing to do."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *_ = fields = line.split()
        if name == f"cpu{core}":
            return sum(map(int, fields[_IDLE])) / _TICKS
    raise ValueError(f"there is no core {core}")


def _stat(pid: int) -> list[str]:
    """Fields 3 and following of stat(5); none of a process that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return stat.rpartition(")")[2].split()


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
