"""Child processes that serve: the daemon and the stand-ins, as their commands start them."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO, Final

import attrs

from tests.house.tree import ROOT

__all__ = ["Child"]

# Its `sitecustomize` makes hashing passwords quick.
QUICK: Final = ROOT / "tests" / "browser" / "quick"
# A daemon on an idle machine needs one second.
START_SECONDS: Final = 60
STOP_SECONDS: Final = 20


@attrs.define(eq=False)
class Child:
    """`python -m …`, whose first line with "listening on" ends with its address.

    Started again, it is a new process; ``lines`` has the output of all of them.
    """

    arguments: tuple[str, ...]
    environ: Mapping[str, str] = attrs.field(factory=dict)
    address: str = ""
    lines: list[str] = attrs.field(factory=list)
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None

    def start(self, **environ: str) -> str:
        """Start it and return its address."""
        assert self._process is None
        known = {name: one for name, one in os.environ.items() if not name.startswith("RELAYD_")}
        self._process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, "-m", *self.arguments],
            cwd=ROOT,
            env=known | {"PYTHONPATH": f"{QUICK}{os.pathsep}{ROOT}"} | dict(self.environ) | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout, told))
        self._reader.start()
        self.address = told.get(timeout=START_SECONDS)
        if not self.address:
            self.stop()
            raise AssertionError("\n".join([f"{self.arguments} did not start:", *self.lines]))
        return self.address

    def _read(self, output: IO[str], told: "queue.SimpleQueue[str]") -> None:
        """Keep what it says; runs in a thread until the process ends."""
        for line in output:
            self.lines.append(line.rstrip())
            if "listening on " in line:
                told.put(line.split()[-1])
        told.put("")

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self.stop()

    def stop(self) -> None:
        """End it in order; with force if that takes too long."""
        if self._process is None or self._reader is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join()
        assert process.stdout is not None
        process.stdout.close()
