"""The systemd units: what they take from the daemon and the worker, and what they leave."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

UNITS = [ROOT / "systemd" / name for name in ("relayd.service", "relayd-worker.service")]
# As `systemd-analyze security` counts: 10 is everything open.
EXPOSURE_MOST = 1.3


def directives(unit: Path) -> dict[str, list[str]]:
    """Each directive with its values, in the order in which they stand."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
@pytest.mark.parametrize(
    ("directive", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("ProtectProc", "invisible"),
        ("ProcSubset", "pid"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("PrivateMounts", "yes"),
        ("PrivateUsers", "yes"),
        ("RemoveIPC", "yes"),
        ("RestrictNamespaces", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("SystemCallArchitectures", "native"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
    ],
)
def test_it_is_confined(unit: Path, directive: str, value: str) -> None:
    """It has no rights but an ordinary user's, and sees nothing that it doesn't need."""
    assert directives(unit)[directive] == [value]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_calls_are_filtered(unit: Path) -> None:
    """Neither privileges nor resources; lowering one's own priority and limits is given back."""
    assert directives(unit)["SystemCallFilter"] == [
        "@system-service",
        "~@privileged @resources",
        "setpriority setrlimit prlimit64",
    ]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_exposure_is_low(unit: Path, tmp_path: Path) -> None:
    """The judgement of systemd itself, of the unit as it is installed."""
    text = unit.read_text(encoding="utf-8")
    installed = tmp_path / unit.name
    installed.write_text(text.replace("@PREFIX@", "/usr").replace("@SYSCONFDIR@", "/etc"))
    program = shutil.which("systemd-analyze")
    assert program is not None
    done = subprocess.run(  # noqa: S603 - a program of the system's, a file of ours
        [program, "security", "--offline=true", "--no-pager", str(installed)],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [one for one in done.stdout.splitlines() if "Overall exposure level" in one]
    assert float(line.rpartition(": ")[2].split()[0]) <= EXPOSURE_MOST, done.stdout
