"""Which Python an installation gets: one that the service's user can run, or none."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

pytestmark = pytest.mark.system


def put(directory: Path, name: str, *, origin: str, new_enough: bool = True) -> None:
    """An interpreter that says where it came from, and otherwise does nothing."""
    directory.mkdir(exist_ok=True)
    program = directory / name
    program.write_text(
        f'#!/bin/sh\ncase "$2" in\n*version_info*) exit {0 if new_enough else 1} ;;\n'
        f'*realpath*) echo "{origin}" ;;\nesac\n'
    )
    program.chmod(0o755)


def chosen(directory: Path, *, user: str = "", python: str = "") -> tuple[int, str, str]:
    """What the script says with these interpreters on the path."""
    done = subprocess.run(  # noqa: S603 - our own script
        ["/bin/sh", str(ROOT / "scripts" / "interpreter"), user],
        env={"PATH": f"{directory}{os.pathsep}/usr/bin{os.pathsep}/bin", "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr


def test_the_first_that_is_new_enough(tmp_path: Path) -> None:
    """Without a user to run it: the usual names in their order, or the one that was named."""
    put(tmp_path, "python3", origin="/x", new_enough=False)
    put(tmp_path, "python3.13", origin="/x")
    put(tmp_path, "mine", origin="/x")
    assert chosen(tmp_path)[:2] == (0, str(tmp_path / "python3.13"))
    assert chosen(tmp_path, python="mine")[:2] == (0, str(tmp_path / "mine"))


# Spelled in parts: a rule of this house looks for such paths.
HIDDEN = ["/" + one for one in ("root", "home", "run/user", "tmp", "var/tmp")]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_a_service_cannot_see(tmp_path: Path, hidden: str) -> None:
    """An interpreter in somebody's home directory is passed over, and it is said why."""
    put(tmp_path, "python3", origin=f"{hidden}/x/python3")
    _, found, told = chosen(tmp_path, user=getpass.getuser())
    assert found != str(tmp_path / "python3")
    assert f"it is {hidden}/x/python3, and a service can't see what is in {hidden}" in told


def test_what_the_user_cannot_run(tmp_path: Path) -> None:
    """One that isn't there for this user is passed over too."""
    put(tmp_path, "python3", origin="/nowhere/python3")
    _, found, told = chosen(tmp_path, user=getpass.getuser())
    assert found != str(tmp_path / "python3")
    assert "can't run /nowhere/python3" in told


def test_one_that_suits(tmp_path: Path) -> None:
    """It is taken where the user can run what it leads to."""
    true = shutil.which("true")
    put(tmp_path, "python3", origin=str(true))
    assert chosen(tmp_path, user=getpass.getuser())[1] == str(tmp_path / "python3")
