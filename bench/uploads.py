"""``python -m bench.uploads``: gigabytes through the edge into a streamed route of a process apart.

How fast, how much memory above what it has idle, and what it does to a small request beside it,
which is asked a hundred times a second. With ``--slow`` the route takes that many MiB a second.
"""

import argparse
import math
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import trio
from quart import request
from quart_trio import QuartTrio

from bench.child import child, module
from bench.loop import say
from bench.procfs import usage
from bench.stamps import Delays
from relayd import config
from relayd.daemon.settings import edge_settings
from relayd.edge.body import BodyPolicy, BodyRules
from relayd.edge.door import Door, serve
from relayd.routes.toolkit.streamed import take_part

if TYPE_CHECKING:
    from relayd.edge.asgi import App

__all__ = ["main"]

_MIB: Final = 2**20
_PIECE: Final = bytes(_MIB // 4)
_PAUSE_SECONDS: Final = 0.01
_ASK: Final = b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n"


def main() -> None:
    """Measure and print; as ``sink`` be the process that is measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=2048, help="how much is sent")
    parser.add_argument("--slow", type=float, default=math.inf, help="MiB a second are taken")
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.sink:
        trio.run(_serve, arguments.slow)
    else:
        sys.stdout.write(trio.run(_measure, arguments.mebibytes, arguments.slow))


async def _serve(mebibytes_per_second: float) -> None:
    rules = BodyRules(lambda _, path: BodyPolicy(1 << 40, 10, streamed=path == "/upload"))
    settings = edge_settings(config.Server(), config.Limits())
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    app = cast("App", _sink(mebibytes_per_second))
    async with trio.open_nursery() as nursery:
        run = partial(serve, app, settings, listeners, bodies=rules)
        _: Door = await nursery.start(run)
        say(port=listeners[0].socket.getsockname()[1])


def _sink(mebibytes_per_second: float) -> QuartTrio:
    app = QuartTrio(__name__)

    @app.post("/upload")
    async def upload() -> str:
        count, began = 0, trio.current_time()
        while part := await take_part():
            count += len(part)
            if mebibytes_per_second < math.inf:
                await trio.sleep_until(began + count / _MIB / mebibytes_per_second)
        assert count == request.content_length
        return str(count)

    @app.get("/small")
    async def small() -> str:
        return "small"

    return app


async def _measure(mebibytes: int, slow: float) -> str:
    async with child(module("bench.uploads", "--sink", "--slow", str(slow))) as sink:
        port = (await sink.hear())["port"]
        delays = Delays()
        peak_kib: list[int] = []
        await _beside(partial(trio.sleep, 2), port, delays, sink.pid, peak_kib)
        idle_kib, idle = max(peak_kib), delays.percentiles()
        peak_kib.clear()
        began = time.monotonic()
        await _beside(partial(_upload, port, mebibytes), port, delays, sink.pid, peak_kib)
        seconds = time.monotonic() - began
    busy = delays.percentiles()
    return (
        f"{mebibytes} MiB in {seconds:.1f} s: {mebibytes * _MIB / 1e6 / seconds:.0f} MB/s, "
        f"memory {idle_kib / 1024:.1f} MiB idle, at most "
        f"{(max(peak_kib) - idle_kib) / 1024:+.1f} MiB\n"
        f"a small request beside it: p50 {busy['p50_ms']:.1f}, p99 {busy['p99_ms']:.1f}, "
        f"max {busy['max_ms']:.1f} ms (idle: {idle['p50_ms']:.1f}, {idle['p99_ms']:.1f}, "
        f"{idle['max_ms']:.1f} ms)\n"
    )


async def _beside(
    work: Callable[[], Awaitable[Any]], port: int, delays: Delays, pid: int, kib: list[int]
) -> None:
    """Do this while small requests are timed and memory is looked at."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ask_again_and_again, port, delays)
        nursery.start_soon(_look_again_and_again, pid, kib)
        await work()
        nursery.cancel_scope.cancel()
    delays.mark()


async def _ask_again_and_again(port: int, delays: Delays) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        while True:
            asked = time.monotonic_ns()
            await stream.send_all(_ASK)
            answer = b""
            while not answer.endswith(b"small"):
                more = await stream.receive_some()
                if not more:
                    raise SystemExit("the small request was cut off")
                answer += more
            delays.note(asked)
            await trio.sleep(_PAUSE_SECONDS)


async def _look_again_and_again(pid: int, kib: list[int]) -> None:
    while True:
        kib.append(usage(pid).rss_kib)
        await trio.sleep(_PAUSE_SECONDS * 10)


async def _upload(port: int, mebibytes: int) -> None:
    length = mebibytes * _MIB
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        head = f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        await stream.send_all(head.encode())
        for _ in range(length // len(_PIECE)):
            await stream.send_all(_PIECE)
        answer = bytes(await stream.receive_some())
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the upload was answered {answer[:80]!r}")


if __name__ == "__main__":
    main()
