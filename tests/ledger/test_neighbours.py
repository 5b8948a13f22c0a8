"""The locks by which workers of one machine know who of them died."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from relayd.ledger.neighbours import Neighbours

_HOLD = """\
import sys, time
from pathlib import Path
from uuid import UUID
from relayd.ledger.neighbours import Neighbours

with Neighbours(Path(sys.argv[1])).joined(UUID(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_living_are_not_taken_for_dead(tmp_path: Path) -> None:
    """Who holds its lock lives; who let go of it is dead until its end is recorded."""
    neighbours, living, gone = Neighbours(tmp_path / "workers"), uuid4(), uuid4()
    with neighbours.joined(living):
        with neighbours.joined(gone):
            assert neighbours.dead() == []
        assert neighbours.dead() == [gone]

        neighbours.forget(gone)
        assert neighbours.dead() == []


@pytest.mark.system
def test_a_killed_worker_is_found(tmp_path: Path) -> None:
    """Its neighbours learn of `kill -9` from the kernel."""
    boot_id = UUID(int=7)
    with subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", _HOLD, str(tmp_path), str(boot_id)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert Neighbours(tmp_path).dead() == []
        process.kill()

    assert Neighbours(tmp_path).dead() == [boot_id]


def test_other_files_name_nobody(tmp_path: Path) -> None:
    """What isn't named after a boot is left alone, also a file that isn't complete yet."""
    (tmp_path / "notes").touch()
    (tmp_path / f".{uuid4()}").touch()

    assert Neighbours(tmp_path).dead() == []


def test_a_directory_that_cannot_be_made_is_no_obstacle(tmp_path: Path) -> None:
    """Where nothing can be written the worker works all the same."""
    (tmp_path / "file").touch()
    neighbours, boot_id = Neighbours(tmp_path / "file" / "workers"), uuid4()

    with neighbours.joined(boot_id):
        assert neighbours.dead() == []
    neighbours.forget(boot_id)


def test_nobody_else_may_look(tmp_path: Path) -> None:
    """The directory, made with those above it, and its files are for the daemon's user alone."""
    neighbours, boot_id = Neighbours(tmp_path / "data" / "workers"), uuid4()

    with neighbours.joined(boot_id):
        made = [neighbours.directory, neighbours.directory / str(boot_id)]
        assert [one.stat().st_mode & 0o777 for one in made] == [0o700, 0o600]


def test_a_name_that_is_taken_is_no_obstacle(tmp_path: Path) -> None:
    """Where its lock can't get its name the worker works all the same, and nothing stays open."""
    neighbours, boot_id = Neighbours(tmp_path), uuid4()
    (tmp_path / str(boot_id)).mkdir()
    before = set(Path("/proc/self/fd").iterdir())

    with neighbours.joined(boot_id):
        assert set(Path("/proc/self/fd").iterdir()) == before
