"""relayd/threads.py."""

import os

import pytest

from relayd.threads import PASSWORDS_MAX, Threads


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 2), (64, PASSWORDS_MAX)])
async def test_hashing_leaves_a_core_to_the_loop(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int
) -> None:
    """Logins take every core but one, and one where there is no other."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert Threads.build().passwords.total_tokens == threads
