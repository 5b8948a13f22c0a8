"""What apps embed is installable apart: with all it needs, and nothing of a server."""

import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.house.tree import ROOT, sources

HERE: Final = ROOT / "clients" / "python"
PROJECT: Final = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TAKEN: Final[tuple[str, ...]] = runpy.run_path(str(HERE / "hatch_build.py"))["TAKEN"]
SERVERS: Final = {"quart", "hypercorn", "psycopg", "stripe", "bcrypt", "werkzeug", "obstore"}
BYTES_MAX: Final = 200_000
# Where a dependency's module is named otherwise.
MODULES: Final = {"ruamel.yaml": "ruamel", "trio-websocket": "trio_websocket", "h11": "h11"}
MODULES_OF_EXTRAS: Final = {
    "sounddevice",
    "httpx",
    "av",
    "PySide6",
    "pocketsphinx",
    "moonshine_voice",
    "_pywhispercpp",
}

HELD: Final = tuple(
    one
    for one in sources("relayd")
    if any(one.name == name or one.name.startswith(f"{name}/") for name in TAKEN)
)


def test_nothing_is_missing() -> None:
    """Every module of relayd that the client's code imports is in its distribution."""
    held = {one.module for one in HELD}
    wanted = {
        (one.name, name)
        for one in HELD
        for name in one.imports()
        if name.startswith("relayd.") and name.rpartition(".")[0] not in held
    }
    assert {(where, name) for where, name in wanted if name not in held} == set()


def test_all_that_is_imported_is_declared() -> None:
    """Each package that it imports is a dependency, or belongs to an extra."""
    declared = {re.split(r"[<>=;\[ ]", one)[0] for one in PROJECT["dependencies"]}
    modules = {MODULES.get(one, one) for one in declared} | MODULES_OF_EXTRAS
    imported = {name.split(".")[0] for one in HELD for name in one.imports()}
    # What brings numpy along is what wants it.
    foreign = imported - set(sys.stdlib_module_names) - {"relayd", "numpy"}
    assert foreign <= modules
    assert "soxr" in declared


def test_no_server_comes_along() -> None:
    """None of its dependencies, optional ones included, is a server's."""
    extras = [one for some in PROJECT["optional-dependencies"].values() for one in some]
    names = {re.split(r"[<>=;\[ ]", one)[0].lower() for one in [*PROJECT["dependencies"], *extras]}
    assert names & SERVERS == set()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the wheel and the source distribution lie, built from this tree."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=HERE)  # noqa: S603 - our own interpreter
    return folder


def test_the_wheel_holds_its_files_and_the_licence(built: Path) -> None:
    """What is installed is what the list names, under the licence of the repository."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert {one.name for one in HELD} <= names
        (licence,) = [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_source_distribution_holds_them_too(built: Path) -> None:
    """Whoever builds it again has the same files, and the licence."""
    (sources,) = built.glob("*.tar.gz")
    with tarfile.open(sources) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "hatch_build.py"} | {one.name for one in HELD} <= names


def test_it_is_small(built: Path) -> None:
    """The wheel has at most 200 KB."""
    (wheel,) = built.glob("*.whl")
    assert wheel.stat().st_size < BYTES_MAX


def test_of_engines_the_client_knows_only_the_wire() -> None:
    """What Deepgram is asked and answers, frames for a process, files; never a server's engine."""
    allowed = {"relayd.engines.deepgram", "relayd.engines.deepgram.errors"}
    allowed |= {"relayd.engines.deepgram.messages", "relayd.engines.local.frames"}
    # Which of Whisper's models are there; it runs in a process like the others.
    allowed |= {f"relayd.engines.whispercpp.{name}" for name in ("fetching", "known", "shelf")}
    for one in sources("relayd/client", "relayd/desktop"):
        found = {name for name in one.imports() if name.startswith("relayd.engines")}
        assert {name for name in found if name.rpartition(".")[0] not in allowed} <= allowed, (
            one.name
        )


def test_it_can_be_imported_on_windows() -> None:
    """Nothing that only Unix has is needed before it is used."""
    modules = [one.module for one in HELD if one.package in {"client", "desktop", "speech"}]
    program = (
        "import trio, os, sys; del trio.lowlevel.FdStream, trio.lowlevel.wait_readable\n"
        "del os.fork, os.register_at_fork\n"
        "sys.modules |= dict.fromkeys(['fcntl', 'pwd', 'grp', 'resource', 'termios'])\n"
        f"for name in {modules!r}: __import__(name)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_it_is_quick() -> None:
    """`import relayd.client` loads neither Trio nor numpy: an app's start doesn't wait for them."""
    program = (
        "import sys, relayd.client as client; client.RemoteTranscriptionEngine; client.Settings\n"
        "print(*{'trio', 'numpy', 'keyring', 'ruamel', 'ssl', 'msgspec'} & set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []
