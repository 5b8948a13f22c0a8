"""The lock by which a daemon knows that the one before it died."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from relayd.ledger.succession import succeed

_HOLD = """\
import sys, time
from pathlib import Path
from uuid import UUID
from relayd.ledger.succession import succeed

with succeed(Path(sys.argv[1]), UUID(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_orderly_end_leaves_nobody(tmp_path: Path) -> None:
    """A daemon that ended in order is nobody's dead predecessor."""
    with succeed(tmp_path, uuid4()) as first:
        assert first is None

    with succeed(tmp_path, uuid4()) as second:
        assert second is None


def test_living_neighbour_is_not_taken_for_dead(tmp_path: Path) -> None:
    """While its holder lives, nobody else gets the lock or the id."""
    own = uuid4()
    with succeed(tmp_path, own), succeed(tmp_path, uuid4()) as seen:
        assert seen is None

        assert (tmp_path / "boot").read_text() == str(own)


@pytest.mark.system
def test_killed_daemon_is_found(tmp_path: Path) -> None:
    """After `kill -9` the next daemon of the directory learns whose sessions to end."""
    boot_id = UUID(int=7)
    with subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", _HOLD, str(tmp_path), str(boot_id)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()

    with succeed(tmp_path, uuid4()) as predecessor:
        assert predecessor == boot_id


@pytest.mark.parametrize("content", ["", "nonsense", "\x00" * 200])
def test_unreadable_file_names_nobody(content: str, tmp_path: Path) -> None:
    """A file that holds no boot id is taken over in silence."""
    (tmp_path / "boot").write_text(content)

    with succeed(tmp_path, uuid4()) as predecessor:
        assert predecessor is None


def test_directory_that_cannot_be_made_is_no_obstacle(tmp_path: Path) -> None:
    """Where nothing can be written the daemon starts all the same."""
    (tmp_path / "file").touch()

    with succeed(tmp_path / "file" / "data", uuid4()) as predecessor:
        assert predecessor is None
