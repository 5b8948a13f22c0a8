"""A plugin of pytest that tries each break on the tests that run the broken function.

The tests are collected once. Each break is tried in a fork of that process, and the first test
that fails ends it. Those that noticed other breaks of the same function come first, then the
quickest. Which tests run which function, and how long they take, is seen before in a run without
any break.
"""

import contextlib
import gc
import itertools
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

__all__ = ["ENVIRONMENT", "Orders", "Trial"]

# The name of a file with the orders.
ENVIRONMENT: Final = "RELAYD_MUTANTS"
# How long one test may take, apart from three times what it takes unbroken: of the processor, and
# doing nothing.
BUSY_SECONDS: Final = 2
IDLE_SECONDS: Final = 4.0
GLANCE_SECONDS: Final = 0.02

# An example that fails is enough; nobody reads it.
settings.register_profile(
    "mutants",
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
)


@attrs.frozen
class Orders:
    """What is to be tried, and where to say what came of it."""

    # By name, the digest of each break.
    breaks: Mapping[str, str]
    # Gets one JSON object a line: `Trial`.
    results: Path
    jobs: int
    # How much of the processor each break gets at most.
    seconds: float

    def write(self, path: Path) -> None:
        """For a process whose environment names this file."""
        path.write_text(json.dumps([self.breaks, str(self.results), self.jobs, self.seconds]))

    @classmethod
    def read(cls, path: Path) -> "Orders":
        """What was written."""
        breaks, results, jobs, seconds = json.loads(path.read_text())
        return cls(breaks, Path(results), jobs, seconds)


@attrs.frozen
class Trial:
    """What became of one break."""

    digest: str
    name: str
    noticed: bool
    # The test that failed; or that none runs the function, or that the process had to be ended.
    by: str
    seconds: float


@attrs.define(eq=False)
class Running:
    """A fork in which a break is being tried."""

    name: str
    started_at: float
    patience_seconds: float
    directory: Path
    ticks: int = -1
    # How often in a row nothing was seen to move; not a time, because this process may be stopped.
    idle_glances: int = 0


@attrs.define(eq=False)
class Trials:
    """Takes the place of the run."""

    orders: Orders
    _failed: str | None = None
    # By test, what the survey found: how long it takes, and how much of the processor.
    _seconds: dict[str, float] = attrs.field(factory=dict)
    _costs: dict[str, float] = attrs.field(factory=dict)
    _tests: dict[str, set[str]] = attrs.field(factory=dict)
    # By function, how many of its breaks each test noticed so far, in earlier runs too.
    _noticed: dict[str, Counter[str]] = attrs.field(factory=lambda: defaultdict(Counter))
    _results_read: int = 0
    _running: dict[int, Running] = attrs.field(factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear of each part of each test."""
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self._failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Look what runs what, then try every break."""
        config()  # While the working directory is still that of the checkout.
        session.config.pluginmanager.unregister(name="terminalreporter")
        self._survey(session)
        # A collection in a fork would copy what it only looks at.
        gc.collect()
        gc.freeze()
        waiting = list(reversed(list(self.orders.breaks)))
        print(f"{len(session.items)} tests, {len(waiting)} breaks", flush=True)
        while waiting or self._running:
            if waiting and len(self._running) < self.orders.jobs:
                self._start(session, waiting.pop())
            elif not self._reap():
                self._glance()
                time.sleep(GLANCE_SECONDS)
        return True

    def _survey(self, session: pytest.Session) -> None:
        directory = Path(tempfile.mkdtemp(prefix="survey-"))
        found = directory / "found.json"
        pid = os.fork()
        if not pid:
            with _alone():
                functions = self._record(session, directory)
                found.write_text(json.dumps([self._seconds, self._costs, functions, self._failed]))
        _, status = os.waitpid(pid, 0)
        if status:
            sys.exit("the tests could not be run without a break")
        self._seconds, self._costs, functions, failed = json.loads(found.read_text())
        if failed:
            sys.exit(f"without any break {failed} fails")
        self._tests = {function: set(tests) for function, tests in functions.items()}
        shutil.rmtree(directory, ignore_errors=True)

    def _record(self, session: pytest.Session, directory: Path) -> dict[str, list[str]]:
        _settle_in(directory)
        set_mutant_under_test("stats")
        tests = defaultdict(list)
        for item, following in _with_next(session.items):
            began_at = time.process_time()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            self._costs[item.nodeid] = time.process_time() - began_at
            for function in state()._stats:
                tests[function].append(item.nodeid)
            state()._stats.clear()
        return tests

    def _learn(self) -> None:
        """Read what has been found since the last time."""
        with self.orders.results.open("ab+") as results:
            results.seek(self._results_read)
            for line in results:
                trial = json.loads(line)
                self._noticed[_function(trial["name"])][trial["by"]] += trial["noticed"]
            self._results_read = results.tell()

    def _start(self, session: pytest.Session, name: str) -> None:
        self._learn()
        items = self._choose(session.items, name)
        if not items:
            self._note(name, noticed=False, by="no test runs it", since=time.monotonic())
            return
        slowest = max(self._seconds[item.nodeid] for item in items)
        running = Running(
            name,
            time.monotonic(),
            IDLE_SECONDS + 3 * slowest,
            Path(tempfile.mkdtemp(prefix="trial-")),
        )
        pid = os.fork()
        if not pid:
            with _alone():
                self._try(items, running)
        self._running[pid] = running

    def _choose(self, items: Sequence[pytest.Item], name: str) -> list[pytest.Function]:
        """Those that noticed the like, the tests of its own file, then the quickest others."""
        function = _function(name)
        tests = self._tests.get(function, set())
        noticed = self._noticed[function]
        mirror = f"test_{function.rpartition('.')[0].rpartition('.')[2]}.py"
        # All of its own file: what runs once for all tests was seen in the first of them only.
        running = [
            item
            for item in items
            if isinstance(item, pytest.Function)
            and (item.nodeid in tests or item.path.name == mirror)
        ]
        cases: Counter[tuple[Path, str | None]] = Counter()
        places = {}
        for item in running:
            places[item.nodeid] = cases[item.path, item.originalname]
            cases[item.path, item.originalname] += 1
        running.sort(
            key=lambda item: (
                -noticed[item.nodeid],
                item.path.name != mirror,
                # The server's part isn't counted here.
                "postgres_server_url" in item.fixturenames,
                # One case of each test, before a second one of any.
                places[item.nodeid],
                self._costs[item.nodeid],
            )
        )
        spent = itertools.accumulate(self._costs[item.nodeid] for item in running)
        return [
            item
            for item, seconds in zip(running, spent, strict=True)
            if seconds <= self.orders.seconds
        ]

    def _try(self, items: Sequence[pytest.Item], running: Running) -> None:
        """In a fork: run these until one fails."""
        os.setpgid(0, 0)
        _settle_in(running.directory)
        set_mutant_under_test(running.name)
        for item, following in _with_next(items):
            _allow(BUSY_SECONDS + 3 * self._costs[item.nodeid])
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                break
        failed = self._failed
        self._note(
            running.name, noticed=failed is not None, by=failed or "", since=running.started_at
        )

    def _reap(self) -> bool:
        """Whether one has ended."""
        if not self._running:
            return False
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return False
        running = self._running.pop(pid)
        if status:
            self._note(running.name, noticed=True, by=f"ended: {status}", since=running.started_at)
        _kill(pid)
        shutil.rmtree(running.directory, ignore_errors=True)
        return True

    def _glance(self) -> None:
        """End those that wait for something that will never come."""
        for pid, running in self._running.items():
            asleep, ticks = _activity(pid)
            if not asleep or ticks != running.ticks:
                running.ticks, running.idle_glances = ticks, 0
                continue
            running.idle_glances += 1
            if running.idle_glances * GLANCE_SECONDS > running.patience_seconds:
                _kill(pid)

    def _note(self, name: str, *, noticed: bool, by: str, since: float) -> None:
        seconds = round(time.monotonic() - since, 2)
        trial = Trial(self.orders.breaks[name], name, noticed, by, seconds)
        with self.orders.results.open("a") as results:
            results.write(json.dumps(attrs.asdict(trial)) + "\n")


def _function(name: str) -> str:
    return name.partition("__mutmut_")[0]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """A fork does this and nothing else: it never returns into the run that it came from."""
    status = 70
    try:
        yield
        status = 0
    finally:
        os._exit(status)


def _with_next(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    yield from zip(items, [*items[1:], None], strict=True)


def _settle_in(directory: Path) -> None:
    """What is written goes here, what is said nowhere."""
    os.environ["TMPDIR"] = tempfile.tempdir = str(directory)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)


def _allow(seconds: float) -> None:
    """From here on this much time of the processor, or the kernel ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _activity(pid: int) -> tuple[bool, int]:
    """Whether it sleeps, and its time of the processor so far (proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return False, -1
    return fields[0] == "S", int(fields[11]) + int(fields[12])


def _kill(pid: int) -> None:
    """With everything that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def pytest_configure(config: pytest.Config) -> None:
    """Take the orders that the environment names."""
    orders = os.environ.get(ENVIRONMENT)
    if orders:
        config.pluginmanager.register(Trials(Orders.read(Path(orders))))
