"""Nobody waits for the log's reader, and what finds no room is counted and told."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from relayd.logs.writer import LineWriter

QUEUE_BYTES = 1000
# More than pipe and queue take together.
FLOOD_LINES = 40_000
FLOOD = f"""
import os
from relayd import logs
with logs.in_background("info", "text"):
    for number in range({FLOOD_LINES}):
        logs.get("flood").info("line", number=number, filling="x" * 150)
    os.write(2, b"through")
    os.read(0, 1)
"""
FATAL = """
from relayd import logs
with logs.in_background("info", "text") as write_line:
    write_line("relayd listening")
    for number in range(1000):
        logs.get("fatal").info("line", number=number)
    raise ValueError
"""
UNREAD = """
from relayd import logs
from relayd.logs import output
output._FLUSH_SECONDS = 0.1
with logs.in_background("info", "text"):
    for number in range(3000):
        logs.get("unread").info("line", filling="x" * 100)
"""


@attrs.frozen
class Outlet:
    """A pipe, and a writer with a small queue on it."""

    reader: int
    descriptor: int
    writer: LineWriter

    def read(self, lines: int) -> list[str]:
        """So many lines, once they are there."""
        found = b""
        while found.count(b"\n") < lines:
            found += os.read(self.reader, 65_536)
        return found.decode().splitlines()


def gap(count: int) -> str:
    """The line that tells of a gap."""
    return f"gap of {count}"


@pytest.fixture
def outlet() -> Iterator[Outlet]:
    """A pipe that nobody reads yet."""
    reader, descriptor = os.pipe()
    writer = LineWriter(descriptor, gap, queue_bytes=QUEUE_BYTES)
    yield Outlet(reader, descriptor, writer)
    os.close(reader)
    writer.close(5)
    os.close(descriptor)


def python(text: str) -> "subprocess.Popen[bytes]":
    """A program of its own whose descriptors are pipes."""
    return subprocess.Popen(  # noqa: S603 - this Python, our own text
        [sys.executable, "-c", text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_lines_come_in_order(outlet: Outlet) -> None:
    """Each line once, whole, in the order of the events."""
    for number in range(9):
        outlet.writer.put(f"line {number}")
    assert outlet.read(9) == [f"line {number}" for number in range(9)]
    assert outlet.writer.close(5) == 0


def test_half_a_character_costs_no_line(outlet: Outlet) -> None:
    """A lone surrogate is written as what it is."""
    outlet.writer.put("\ud800 é")
    assert outlet.read(1) == ["\\ud800 é"]


def test_a_line_longer_than_a_batch_is_whole() -> None:
    """A traceback may be longer than what a pipe takes at once."""
    reader, descriptor = os.pipe()
    outlet = Outlet(reader, descriptor, LineWriter(descriptor, gap))
    outlet.writer.put("x" * 200_000)
    assert outlet.read(1) == ["x" * 200_000]
    assert outlet.writer.close(5) == 0
    os.close(reader)
    os.close(descriptor)


def test_somebody_may_have_made_the_descriptor_non_blocking(outlet: Outlet) -> None:
    """A full pipe that says so instead of waiting costs nothing either."""
    os.set_blocking(outlet.descriptor, False)
    filling = b"-" * 65_535 + b"\n"
    os.write(outlet.descriptor, filling)
    outlet.writer.put("after it")
    assert outlet.read(2)[1] == "after it"


def test_a_gap_is_told_where_it_is(outlet: Outlet) -> None:
    """What was there before the queue was full, then how many are missing, then what came later."""
    os.write(outlet.descriptor, b"-" * 65_535 + b"\n")
    for number in range(200):
        outlet.writer.put(f"line {number:04}")
    _, *lines = outlet.read(3)
    while not lines[-1].startswith("gap"):
        lines += outlet.read(1)
    kept = len(lines) - 1
    assert lines[:-1] == [f"line {number:04}" for number in range(kept)]
    assert QUEUE_BYTES / 10 - 1 <= kept < 200
    assert lines[-1] == gap(200 - kept)
    outlet.writer.put("later")
    assert outlet.read(1) == ["later"]
    assert outlet.writer.close(5) == 0


def test_a_full_disk_is_told_once_it_has_room(outlet: Outlet, tmp_path: Path) -> None:
    """A failed write is a gap too; the first line after it begins on a line of its own."""
    kept = os.dup(outlet.descriptor)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, outlet.descriptor)
    outlet.writer.put("lost")
    while not outlet.writer._torn:
        pass
    os.dup2(kept, outlet.descriptor)
    outlet.writer.put("there again")
    assert outlet.read(3) == ["", gap(1), "there again"]
    os.close(full)
    os.close(kept)


def test_what_could_not_be_written_is_counted(outlet: Outlet) -> None:
    """With nobody reading, the end doesn't wait for ever, and says what it cost."""
    os.write(outlet.descriptor, b"-" * 65_536)
    for _ in range(3):
        outlet.writer.put("line")
    assert outlet.writer.close(0.05) == 3


@pytest.mark.system
def test_a_flood_that_nobody_reads_goes_through() -> None:
    """Whoever logs never waits; every line is there later, or counted."""
    with python(FLOOD) as flood:
        assert flood.stdin and flood.stdout and flood.stderr  # noqa: PT018 - pipes, as asked for
        # Waiting for its reader it would never get there.
        assert flood.stderr.read(7) == b"through"
        flood.stdin.close()
        lines = flood.stdout.read().decode().splitlines()
        assert flood.wait() == 0
    *kept, told = lines
    assert [f"number={number} " in one for number, one in enumerate(kept)] == [True] * len(kept)
    assert "WARNING relayd.logs.output log lines dropped" in told
    assert int(told.partition("count=")[2]) + len(kept) == FLOOD_LINES


@pytest.mark.system
def test_a_fatal_error_loses_no_line() -> None:
    """Whatever ends the program, what was logged is written first."""
    with python(FATAL) as fatal:
        out, err = fatal.communicate(timeout=30)
    assert fatal.returncode == 1
    assert b"ValueError" in err
    first, *lines = out.decode().splitlines()
    assert first == "relayd listening"
    assert len(lines) == 1000
    assert lines[-1].endswith("number=999")


@pytest.mark.system
def test_a_reader_that_never_comes_does_not_keep_the_program() -> None:
    """It ends all the same, in order, and standard error says how many lines are missing."""
    with python(UNREAD) as unread:
        assert unread.wait(30) == 0
        assert unread.stderr is not None
        told = unread.stderr.read().decode()
    assert told.startswith("relayd: ")
    assert told.endswith(" log lines could not be written\n")
