"""The lock by which a daemon knows that the one before it died."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from relayd.errors import ConfigError
from relayd.ledger.succession import succeed

_HOLD = """\
import sys, time
from pathlib import Path
from uuid import UUID
from relayd.ledger.succession import succeed

with succeed(Path(sys.argv[1])) as seat:
    seat.take([UUID(sys.argv[2])])
    print("held", flush=True)
    time.sleep(60)
"""


def test_orderly_end_leaves_nobody(tmp_path: Path) -> None:
    """A daemon whose end is recorded is nobody's dead predecessor."""
    with succeed(tmp_path) as first:
        assert first.predecessors == ()
        first.take([uuid4()])
        first.leave()

    assert (tmp_path / "boot").read_bytes() == b""
    with succeed(tmp_path) as second:
        assert second.predecessors == ()


def test_a_start_that_came_to_nothing_leaves_nobody(tmp_path: Path) -> None:
    """Who never registered has not died; a predecessor that was not dealt with stays one."""
    boot_id = uuid4()
    with succeed(tmp_path) as dead:
        dead.take([boot_id])

    with pytest.raises(ConfigError), succeed(tmp_path):
        raise ConfigError("server.listen", "is busy")

    with succeed(tmp_path) as seat:
        assert seat.predecessors == (boot_id,)


def test_an_unrecorded_end_is_found(tmp_path: Path) -> None:
    """Where the database could not be told, the next daemon does it."""
    boot_id = uuid4()
    with succeed(tmp_path) as first:
        first.take([boot_id])

    with succeed(tmp_path) as second:
        assert second.predecessors == (boot_id,)


def test_each_process_of_a_daemon_is_found(tmp_path: Path) -> None:
    """A daemon of several processes died with all of them, and each had a boot of its own."""
    boot_ids = tuple(uuid4() for _ in range(3))
    with succeed(tmp_path) as first:
        first.take(boot_ids)

    with succeed(tmp_path) as second:
        assert second.predecessors == boot_ids


def test_living_neighbour_is_not_taken_for_dead(tmp_path: Path) -> None:
    """While its holder lives, nobody else gets the lock or the id."""
    own = uuid4()
    with succeed(tmp_path) as holder:
        holder.take([own])
        with succeed(tmp_path) as neighbour:
            assert neighbour.predecessors == ()
            neighbour.take([uuid4()])

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

    with succeed(tmp_path) as seat:
        assert seat.predecessors == (boot_id,)


@pytest.mark.parametrize("content", ["", "nonsense", "é", "\x00" * 200])
def test_unreadable_file_names_nobody(content: str, tmp_path: Path) -> None:
    """A file that holds no boot id is taken over in silence."""
    (tmp_path / "boot").write_text(content)

    with succeed(tmp_path) as seat:
        assert seat.predecessors == ()


def test_directory_that_cannot_be_made_is_no_obstacle(tmp_path: Path) -> None:
    """Where nothing can be written the daemon starts all the same."""
    (tmp_path / "file").touch()

    with succeed(tmp_path / "file" / "data") as seat:
        assert seat.predecessors == ()
