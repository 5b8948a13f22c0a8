"""Several processes that serve: one dies, all are replaced, limits hold over all of them."""

import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import psycopg
import pytest
import trio
import trio.lowlevel

from bench.procfs import children
from relayd import config, daemon
from relayd.daemon.control import ask_reload
from relayd.errors import OperatorError
from tests.conftest import DeclaredErrors
from tests.daemon.conftest import Settings

pytestmark = pytest.mark.system

PATIENCE_SECONDS = 60
TWO = {"RELAYD_SERVER__PROCESSES": "2"}
LOGIN = '{{"email": "nobody{}@example.org", "password": "no password"}}'


@attrs.define(eq=False)
class Daemon:
    """A daemon in this process, and those that it started."""

    port: int
    stop: trio.Event
    configuration: config.Config
    before: frozenset[int]

    @property
    def serving(self) -> frozenset[int]:
        """The serving processes."""
        return children(os.getpid()) - self.before

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that happens outside of this process."""
        with trio.fail_after(PATIENCE_SECONDS):
            await trio.lowlevel.checkpoint()
            while not condition():  # noqa: ASYNC110 - only the kernel knows
                await trio.sleep(0.02)

    async def ask(self, path: str, body: bytes = b"") -> int:
        """The status of a request on a connection of its own."""
        method = "POST" if body else "GET"
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        with trio.fail_after(PATIENCE_SECONDS):
            async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
                await stream.send_all(head.encode() + body)
                answer = b"".join([part async for part in stream])
        return int(answer.split()[1])


@asynccontextmanager
async def running(
    configuration: config.Config, reread: Callable[[], config.Config] | None = None
) -> AsyncIterator[Daemon]:
    """A daemon that serves while entered, and drains afterwards."""
    before, stop = children(os.getpid()), trio.Event()

    async def serve(task_status: trio.TaskStatus[str]) -> None:
        started = task_status.started
        await daemon.run(configuration, started=started, stop=stop, reread=reread)

    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_SECONDS):
            line: str = await nursery.start(serve)
        try:
            yield Daemon(int(line.rpartition(":")[2]), stop, configuration, before)
        finally:
            stop.set()


def open_boots(url: str) -> list[str]:
    """The boots that haven't ended."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT boot_id::text FROM boots WHERE ended_at IS NULL"
        ).fetchall()
    return [row[0] for row in rows]


async def test_a_process_that_died_is_replaced(
    settings: Settings, empty_database_url: str, declared_errors: DeclaredErrors
) -> None:
    """Its boot is ended by its supervisor, another process serves, and nobody is refused."""
    async with running(settings(**TWO)) as here:
        first = here.serving
        assert len(first) == 2
        boots = open_boots(empty_database_url)
        assert len(boots) == 2

        os.kill(min(first), signal.SIGKILL)
        await here.until(lambda: len(here.serving - first) == 1)
        await here.until(lambda: len({*boots} & {*open_boots(empty_database_url)}) == 1)
        assert await here.ask("/health/live") == 200
        await here.until(lambda: len(open_boots(empty_database_url)) == 2)
    declared_errors.expect("a serving process died")
    assert open_boots(empty_database_url) == []
    assert not here.serving


async def test_one_that_died_before_it_served_is_replaced_too(
    settings: Settings, declared_errors: DeclaredErrors
) -> None:
    """Nobody waits for the start of who takes a dead one's place: its death is noticed as well."""
    async with running(settings(**TWO)) as here:
        first = here.serving
        os.kill(min(first), signal.SIGKILL)
        await here.until(lambda: len(here.serving - first) == 1)
        (heir,) = here.serving - first
        os.kill(heir, signal.SIGKILL)
        await here.until(lambda: len(here.serving - first - {heir}) == 1)
    for _ in range(2):
        declared_errors.expect("a serving process died")


async def test_a_reload_replaces_all(settings: Settings, empty_database_url: str) -> None:
    """Every process is a new one with the new configuration, and the old ones have ended."""
    changed = {**TWO, "RELAYD_SERVER__REPOSITORY_URL": "https://example.org/source"}
    async with running(settings(**TWO), lambda: settings(**changed)) as here:
        first = here.serving
        told = await trio.to_thread.run_sync(ask_reload, here.configuration)
        assert told.startswith("2 processes serve")
        await here.until(lambda: not first & here.serving)
        assert len(here.serving) == 2
        assert await here.ask("/health/live") == 200
        assert len(open_boots(empty_database_url)) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"RELAYD_METERING__HOLD_SECONDS": "0"},
        {"RELAYD_SERVER__LISTEN": "127.0.0.1:1"},
        {"RELAYD_SERVER__PROCESSES": "1"},
        {"RELAYD_SERVER__TLS_CERTIFICATE": "/no/cert.pem", "RELAYD_SERVER__TLS_KEY": "/no/key.pem"},
    ],
    ids=["wrong", "another socket", "one process", "no process can serve so"],
)
async def test_a_reload_that_cannot_be(settings: Settings, changed: dict[str, str]) -> None:
    """Whoever asked for it hears why, and what ran goes on."""
    async with running(settings(**TWO), lambda: settings(**TWO | changed)) as here:
        first = here.serving
        with pytest.raises(OperatorError, match=next(iter(changed)).split("__")[1].lower()):
            await trio.to_thread.run_sync(ask_reload, here.configuration)
        assert here.serving == first
        assert await here.ask("/health/live") == 200


async def test_limits_hold_over_all_processes(settings: Settings) -> None:
    """Ten requests to sign in of one address in a minute, whichever process they come to."""
    limited = settings(**TWO, RELAYD_AUTH__REQUESTS_PER_MINUTE="10")
    async with running(limited) as here:
        statuses: Counter[int] = Counter()

        async def sign_in(number: int) -> None:
            # Each at another account: guesses at one wait for each other.
            statuses[await here.ask("/auth/login", LOGIN.format(number).encode())] += 1

        async with trio.open_nursery() as nursery:
            for number in range(25):
                nursery.start_soon(sign_in, number)
    assert statuses == {401: 10, 429: 15}
