"""The tests that docs/security.md names, run again: each promise with what it is held by."""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import attrs
import trio

from bench.faults.verdict import Verdict

__all__ = ["Promise", "promises", "run"]

_ROOT: Final = Path(__file__).parents[2]
_WIDTH: Final = 60


@attrs.frozen
class Promise:
    """A row of the document, and the files that hold it to be true."""

    words: str
    files: tuple[str, ...]


def promises(document: str) -> list[Promise]:
    """Those of its tables that tests hold."""
    found = []
    for row in document.splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        files = re.findall(r"`(tests/[\w/]+\.py)`", cells[-1])
        if row.startswith("|") and files:
            found.append(Promise(cells[0], tuple(files)))
    return found


async def run(verdict: Verdict) -> None:
    """One figure for each promise: how many of its tests failed."""
    document = (_ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    made = promises(document)
    files = sorted({file for one in made for file in one.files})
    passed, failed = await _outcomes(files)
    for one in made:
        held = all(passed[file] and not failed[file] for file in one.files)
        words = one.words if len(one.words) <= _WIDTH else one.words[: _WIDTH - 1] + "…"
        verdict.equal(words, "held" if held else "not held", "held")
    verdict.note("tests that passed", passed.total())
    verdict.equal("tests that failed", failed.total(), 0)


async def _outcomes(files: list[str]) -> tuple[Counter[str], Counter[str]]:
    """How many tests of each file passed, and failed."""
    passed, failed = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
        report = Path(directory) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", f"--junitxml={report}", *files]
        await trio.run_process(command, check=False, cwd=_ROOT, stdout=subprocess.DEVNULL)
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own
            file = _file_of(case.get("classname", ""))
            bad = case.find("failure") is not None or case.find("error") is not None
            (failed if bad else passed)[file] += case.find("skipped") is None
    return passed, failed


def _file_of(name: str) -> str:
    """tests.edge.test_tls.TestX → tests/edge/test_tls.py."""
    parts = name.split(".")
    module = [part for part in parts if not part[:1].isupper()]
    return "/".join(module) + ".py"
