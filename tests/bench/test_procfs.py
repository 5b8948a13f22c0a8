"""What processes cost, read from /proc."""

import os
import subprocess
import sys

import pytest

from bench import procfs
from bench.cores import cores, pin

_PARENT_OF_ONE = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
input()
"""


@pytest.mark.system
def test_a_family_is_a_process_and_those_below_it() -> None:
    """What a relay starts counts as the relay's."""
    with subprocess.Popen(  # noqa: S603 - no input from outside
        [sys.executable, "-c", _PARENT_OF_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert procfs.family(parent.pid) == [parent.pid, child]
        alone = procfs.usage(child)
        assert procfs.usage(parent.pid).pss_kib > alone.pss_kib > 0
        pin(child, cores().relay)
        assert os.sched_getaffinity(child) == cores().relay
        parent.communicate(b"\n")


def test_a_process_that_is_gone_costs_nothing() -> None:
    """It may end between two looks."""
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
        assert procfs.cpu_seconds(gone.pid) == 0


def test_the_relay_has_a_core_to_itself_where_there_are_two() -> None:
    """Nothing that loads it runs there."""
    here = cores()
    assert here.relay | here.load == os.sched_getaffinity(0)
    assert here.apart == (len(os.sched_getaffinity(0)) > 1)
