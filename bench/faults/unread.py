"""Nobody reads the daemon's standard output for ten seconds, under twenty live sessions."""

import itertools
import re
import signal

import trio

from bench.faults.client import App
from bench.faults.verdict import Verdict
from bench.faults.world import until, world

__all__ = ["run"]

_SESSIONS = 20
_STOPPED_SECONDS = 10
# Lines of 1 KiB: more than pipe and queue take together.
_REQUESTS = 6000
_REQUESTS_PER_CONNECTION = 500
_PATH = "/" + "x" * 900
# Results come every 250 ms; an answer a millisecond beside them delays some.
_GAP_SECONDS = 1
_DROPPED = re.compile(r"log lines dropped, nobody took them count=(\d+)")


async def run(verdict: Verdict) -> None:
    """The words go on, and what the log lost is told in it."""
    async with world() as here, here.daemon(piped=True) as daemon:
        customers = await here.customers(_SESSIONS, 3_600_000)
        apps: list[App] = []
        assert daemon.reader is not None
        async with trio.open_nursery() as nursery:
            for number, customer in enumerate(customers):
                app = await here.session(daemon, customer, f"s{number}")
                apps.append(app)
                nursery.start_soon(app.speak_on, 100)
                nursery.start_soon(app.listen)
            await trio.sleep(2)
            daemon.reader.send_signal(signal.SIGSTOP)
            begun = trio.current_time()
            await _flood(daemon.port)
            await trio.sleep_until(begun + _STOPPED_SECONDS)
            ended = trio.current_time()
            daemon.reader.send_signal(signal.SIGCONT)
            nursery.cancel_scope.cancel()
        gap = max(_longest_gap(app, begun, ended) for app in apps)
        verdict.note("requests logged while nobody read", _REQUESTS)
        verdict.at_most("longest gap between words, seconds", round(gap, 2), _GAP_SECONDS, "s")
        told = await until(lambda: bool(_DROPPED.search(daemon.log.read_text())), 5)
        verdict.equal("the log tells what it lost", told, wanted=True)
        written = daemon.log.read_text().count(f" path={_PATH} ")
        dropped = sum(int(one) for one in _DROPPED.findall(daemon.log.read_text()))
        verdict.equal("lines of requests written or counted", written + dropped, _REQUESTS)
        verdict.equal("daemon ended", daemon.process.poll(), None)
        verdict.no_errors(daemon)


async def _flood(port: int) -> None:
    request = f"GET {_PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    for _ in range(0, _REQUESTS, _REQUESTS_PER_CONNECTION):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream:
            for _ in range(_REQUESTS_PER_CONNECTION):
                await stream.send_all(request)
                await _read_answer(stream)


async def _read_answer(stream: trio.SocketStream) -> None:
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += await _some(stream)
    length = re.search(rb"(?i)content-length: (\d+)", data)
    assert length is not None
    while len(data) < end + 4 + int(length[1]):
        data += await _some(stream)


async def _some(stream: trio.SocketStream) -> bytes:
    data = await stream.receive_some(65_536)
    if not data:
        raise ConnectionError("the daemon closed the connection")
    return bytes(data)


def _longest_gap(app: App, begun: float, ended: float) -> float:
    times = [at for at, one in app.heard if one.get("type") == "transcript" and begun <= at]
    moments = [begun, *(at for at in times if at <= ended), ended]
    return max(later - earlier for earlier, later in itertools.pairwise(moments))
