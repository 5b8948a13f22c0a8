"""The recogniser processes: bounded, ready ahead, never left behind."""

import os
import signal
import subprocess
import sys

import attrs
import pytest
import trio
import trio.testing

from relayd import config
from relayd.engines.local.engine import LocalEngine, check_local
from relayd.engines.local.model import LocalModel
from relayd.engines.local.pool import open_pool
from relayd.engines.sphinx import SPHINX
from relayd.errors import MissingExtra, UpstreamUnavailable
from tests.engines.local.processes import SETTINGS, alive, gone, plan


async def test_a_missing_package_is_named_with_its_extra() -> None:
    """The operator is told what to install, before any process starts."""
    model = attrs.evolve(SPHINX, packages=("relayd", "no_such_package"))

    with pytest.raises(MissingExtra, match=r"needs no_such_package: .*relayd\[local\]"):
        async with open_pool(model, SETTINGS):
            pass
    assert "relayd[local]" in (await check_local(model, SETTINGS) or "")


@pytest.mark.system
async def test_spare_processes_are_ready_ahead() -> None:
    """A stream does not wait for its model to load, and the next spare is started at once."""
    async with open_pool(SPHINX, SETTINGS) as pool:
        await pool.wait_ready()
        (spare,) = pool.ready
        async with LocalEngine(SPHINX, pool).open(plan()) as stream:
            assert stream._worker.process.pid == spare
            await pool.wait_ready()
            assert spare not in pool.ready


@pytest.mark.system
async def test_no_more_processes_than_allowed() -> None:
    """One stream too many is refused at once with the remedy; it is served when one has ended."""
    async with open_pool(SPHINX, SETTINGS) as pool:
        async with pool.worker() as first, pool.worker() as second:
            assert pool.ready == ()
            with pytest.raises(UpstreamUnavailable) as refused:
                async with pool.worker():
                    pass
            pids = {first.process.pid, second.process.pid}
        await gone(*pids)
        async with pool.worker() as third:
            assert third.process.pid not in pids

    assert "engines.sphinx.workers_max" in refused.value.hint
    assert "engines" not in refused.value.message


@pytest.mark.system
async def test_without_spare_processes_a_stream_waits_for_its_own() -> None:
    """`workers_spare = 0` costs nothing while nobody speaks."""
    async with open_pool(SPHINX, attrs.evolve(SETTINGS, workers_spare=0)) as pool:
        async with pool.worker() as worker:
            pid = worker.process.pid
            assert alive(pid)
        assert not alive(pid)
        assert pool.ready == ()


@pytest.mark.system
async def test_cancelling_leaves_no_process() -> None:
    """Whoever is cancelled, a stream or the whole daemon, every process is reaped."""
    with trio.CancelScope() as daemon:
        async with open_pool(SPHINX, SETTINGS) as pool:
            with trio.CancelScope() as session:
                async with pool.worker() as worker:
                    lent = worker.process.pid
                    session.cancel()
                    await trio.sleep_forever()
            assert not alive(lent)
            await pool.wait_ready()
            spare = pool.ready
            daemon.cancel()
            await trio.sleep_forever()

    assert not any(map(alive, spare))


@pytest.mark.system
async def test_a_process_being_started_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool closed in the middle of a start kills what it started."""
    started: list[trio.Process] = []
    really_open = trio.lowlevel.open_process

    async def recorded(*command: object, **options: object) -> trio.Process:
        started.append(await really_open(*command, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(trio.lowlevel, "open_process", recorded)
    async with open_pool(SPHINX, SETTINGS):
        await trio.testing.wait_all_tasks_blocked()

    assert started
    assert not any(alive(process.pid) for process in started)


@pytest.mark.system
async def test_a_spare_process_that_dies_is_replaced() -> None:
    """A crash while nobody uses it costs no stream anything but a moment."""
    async with open_pool(SPHINX, SETTINGS) as pool:
        await pool.wait_ready()
        (spare,) = pool.ready
        os.kill(spare, signal.SIGKILL)
        with trio.fail_after(5):
            while spare in pool.ready:  # noqa: ASYNC110 - the kernel's doing: no event
                await trio.sleep(0.01)
            async with pool.worker() as worker:
                assert worker.process.pid != spare


@pytest.mark.system
async def test_a_broken_recogniser_is_explained() -> None:
    """`relayd check` says what the process died of instead of waiting for ever."""
    broken = LocalModel("no_such_engine", "m", packages=(), extra="local")

    problem = await check_local(broken, attrs.evolve(SETTINGS, open_seconds=0.5))

    assert "exit status 1" in (problem or "")


@pytest.mark.system
async def test_a_healthy_recogniser_passes_the_check() -> None:
    """Nothing is wrong, and nothing is left running."""
    assert await check_local(SPHINX, SETTINGS) is None


DAEMON = """
import trio
import trio.testing
from relayd import config
from relayd.engines.local.pool import open_pool
from relayd.engines.sphinx import SPHINX

async def main():
    settings = config.LocalProcesses(workers_max=2, workers_spare=1)
    async with open_pool(SPHINX, settings) as pool:
        async with pool.worker() as worker:
            await pool.wait_ready()
            print(worker.process.pid, *pool.ready, flush=True)
            await trio.sleep_forever()

trio.run(main)
"""


@pytest.mark.system
async def test_a_killed_daemon_leaves_no_process() -> None:
    """After `kill -9` neither a lent recogniser nor a spare one survives."""
    daemon = await trio.lowlevel.open_process(
        [sys.executable, "-c", DAEMON], stdout=subprocess.PIPE
    )
    assert daemon.stdout is not None
    said = b""
    try:
        with trio.fail_after(20):
            while True:
                chunk = await daemon.stdout.receive_some()
                assert chunk, "the daemon ended by itself"
                said += chunk
                if said.endswith(b"\n"):
                    break
        pids = [int(pid) for pid in said.split()]
        assert len(pids) == 2
        assert all(map(alive, pids))
    finally:
        daemon.kill()
        with trio.move_on_after(5, shield=True):
            await daemon.wait()
            await daemon.stdout.aclose()

    await gone(*pids)


@pytest.mark.system
async def test_signals_for_the_daemon_do_not_end_its_recognisers() -> None:
    """SIGTERM reaches every process of a systemd unit, and the last words are still to come."""
    async with open_pool(SPHINX, SETTINGS) as pool, pool.worker() as worker:
        os.kill(worker.process.pid, signal.SIGTERM)
        os.kill(worker.process.pid, signal.SIGINT)
        with trio.move_on_after(0.3):
            await worker.process.wait()
        assert worker.process.returncode is None
        assert os.getsid(worker.process.pid) != os.getsid(0)


def test_the_defaults_of_the_configuration_make_a_pool() -> None:
    """What the operator need not set is within the pool's bounds."""
    assert 0 <= config.LocalProcesses().workers_spare <= config.LocalProcesses().workers_max
