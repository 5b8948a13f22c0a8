"""The drivers of faults: which there are, what is told of them, and hellos at small size."""

from pathlib import Path

import pytest
import trio

from bench.faults import __main__ as faults
from bench.faults.hellos import Attackers, recorded_hello
from bench.faults.promises import promises
from bench.faults.verdict import Verdict
from tests.house.tree import ROOT

HANDSHAKE_RECORD = 0x16
SENT = 20


def test_every_driver_is_in_all() -> None:
    """A file of bench/faults that can be run is run by ``all``."""
    drivers = {
        path.stem
        for path in Path(ROOT, "bench", "faults").glob("*.py")
        if "async def run(verdict" in path.read_text(encoding="utf-8")
    }
    assert drivers == set(faults.NAMES)


def test_one_that_fails_is_missed_and_the_others_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code says so, and the table at the end."""

    async def broken(verdict: Verdict) -> None:
        raise RuntimeError("no engine")

    async def met(verdict: Verdict) -> None:
        verdict.at_most("delay", 3 if verdict.quick else 9, 5, "ms")

    monkeypatch.setattr("bench.faults.crowd.run", broken)
    monkeypatch.setattr("bench.faults.flood.run", met)
    assert faults.main(["--quick", "flood"]) == 0
    assert faults.main(["flood"]) == 1
    capsys.readouterr()
    assert faults.main(["--quick", "crowd", "flood"]) == 1
    table = capsys.readouterr().out.rpartition("driver")[2].split("\n")[1:-1]
    assert [line.split()[-2:] for line in table] == [["1", "1"], ["1", "0"], ["2", "1"]]


def test_what_holds_a_promise() -> None:
    """Every row of docs/security.md that names tests, with their files."""
    made = promises(
        "| promise | held by |\n|---|---|\n| Nobody gets in | `tests/a/test_b.py`, `x` |\n"
    )
    assert [(one.words, one.files) for one in made] == [("Nobody gets in", ("tests/a/test_b.py",))]
    whole = promises(Path(ROOT, "docs", "security.md").read_text(encoding="utf-8"))
    assert len(whole) > 30
    assert all(Path(ROOT, file).is_file() for one in whole for file in one.files)


async def test_hellos_that_are_answered_and_refused() -> None:
    """Each comes over a connection of its own, and is the same bytes as the one before."""
    hello, came, enough = recorded_hello(), list[bytes](), trio.Event()
    assert hello[0] == HANDSHAKE_RECORD

    async def answer(stream: trio.SocketStream) -> None:
        came.append(bytes(await stream.receive_some(len(hello))))
        if len(came) % 2:
            await stream.send_all(b"x")
        if len(came) == SENT:
            enough.set()

    async with trio.open_nursery() as nursery:
        (listener, *_) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        attackers = Attackers(listener.socket.getsockname()[1], ["127.0.0.1"], hello)
        nursery.start_soon(attackers.go_on, 200)
        await enough.wait()
        nursery.cancel_scope.cancel()
    assert set(came) == {hello}
    # The last ones may not have heard yet.
    assert min(attackers.seen["signed for"], attackers.seen["refused"]) >= SENT // 4
