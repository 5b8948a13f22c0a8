"""TLS served directly: versions, ALPN, and handshakes that fail."""

import shutil
import ssl
import subprocess
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest
import trio
import trio.testing
from wsproto.events import TextMessage

from relayd.edge.door import Door
from relayd.edge.listeners import open_listeners
from relayd.edge.tls import Handshakes, tls_context
from relayd.edge.websocket import ClientSocket
from relayd.errors import ConfigError
from tests import defaults
from tests.edge.caller import Caller, Log, SinkApp, frame, opened_door, until

if TYPE_CHECKING:
    from relayd.websocket.tls import TlsStream

SETTINGS = defaults.edge(handshake_seconds=0.3, close_seconds=0.2)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A self-signed certificate for localhost, its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    openssl = shutil.which("openssl")
    assert openssl is not None, "the openssl command is needed to make a certificate"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    command += ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - no input from outside
    yield folder
    shutil.rmtree(folder)


@asynccontextmanager
async def secure_door(
    certificate: Path, session: Callable[[ClientSocket], Any] | None = None
) -> AsyncIterator[tuple[Door, int]]:
    """A TLS listener; by itself its WebSockets receive to their end."""
    session = session or Log().receive_all
    listeners = await open_listeners(["127.0.0.1:0"], SETTINGS)
    tls = tls_context(certificate / "cert.pem", certificate / "key.pem")
    async with (
        opened_door(SinkApp(session), SETTINGS, tls=tls) as door,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(door.listen, listeners)
        yield door, listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def client_context(certificate: Path) -> ssl.SSLContext:
    """Trusts the certificate."""
    return ssl.create_default_context(cafile=str(certificate / "cert.pem"))


async def connect(port: int, context: ssl.SSLContext) -> trio.SSLStream[trio.SocketStream]:
    """A client's connection, handshake done."""
    plain = await trio.open_tcp_stream("127.0.0.1", port)
    secure = trio.SSLStream(plain, context, server_hostname="localhost")
    try:
        await secure.do_handshake()
    except BaseException:
        plain.socket.close()
        raise
    return secure


@attrs.define(eq=False)
class Slow:
    """Handshakes whose step takes so long, and when each was."""

    step_seconds: float
    now: float = 0
    steps: list[tuple[float, str]] = attrs.field(factory=list)

    def shake(self) -> None:
        """As `TlsStream` has it."""
        beside = threading.current_thread() is not threading.main_thread()
        self.steps.append((self.now, "beside" if beside else "within"))
        self.now += self.step_seconds


@pytest.mark.parametrize(
    ("step_seconds", "where", "rested_seconds"),
    [(5, ["within", "beside", "beside"], 15), (0.0005, ["within"] * 3, 0)],
)
async def test_handshakes_take_turns(
    autojump_clock: trio.testing.MockClock,
    step_seconds: float,
    where: list[str],
    rested_seconds: float,
) -> None:
    """A step that took long is followed by a rest as long, and the next ones have a thread."""
    slow = Slow(step_seconds)
    handshakes = Handshakes(ssl.create_default_context(), 10, clock=lambda: slow.now)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(handshakes.step, cast("TlsStream", slow))
    assert slow.steps == [(step_seconds * number, one) for number, one in enumerate(where)]
    assert trio.current_time() == rested_seconds


@pytest.mark.system
async def test_a_websocket_over_tls(certificate: Path) -> None:
    """HTTP/1.1 is all that is negotiated, and close codes arrive."""
    context = client_context(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with secure_door(certificate) as (door, port):
        stream = await connect(port, context)
        assert stream.selected_alpn_protocol() == "http/1.1"
        caller = Caller(stream)
        await caller.open()
        await caller.send(frame(9, b"x"))
        await caller.event()
        await caller.send(frame(1, b"\xff"))
        assert await caller.close_code() == 1007
        stream.transport_stream.socket.close()
        await until(lambda: not door.connections)


@pytest.mark.system
async def test_a_client_gone_behind_what_nobody_reads(certificate: Path) -> None:
    """Under TLS too it is found by what its kernel answers to a ping."""
    gone = trio.Event()

    async def stalled(websocket: ClientSocket) -> None:
        websocket.on_gone(gone.set)
        await gone.wait()

    async with secure_door(certificate, stalled) as (door, port):
        stream = await connect(port, client_context(certificate))
        caller = Caller(stream)
        await caller.open()
        with trio.move_on_after(0.1) as full:
            while True:
                await caller.send(frame(2, bytes(16_384), key=bytes(4)))
                full.deadline = trio.current_time() + 0.1
        stream.transport_stream.socket.close()
        await until(lambda: not door.connections)
    assert gone.is_set()


@pytest.mark.system
async def test_http_over_tls(certificate: Path) -> None:
    """An ordinary request, and a connection that the server closes properly."""
    async with secure_door(certificate) as (door, port):
        stream = await connect(port, client_context(certificate))
        caller = Caller(stream)
        await caller.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await caller.response())[::2] == (200, b"hello")
        assert await stream.receive_some() == b""
        stream.transport_stream.socket.close()
        await until(lambda: not door.connections)


@pytest.mark.system
@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(9)]
)
async def test_handshakes_that_fail(certificate: Path, sent: bytes) -> None:
    """Silence, plain HTTP, rubbish: that connection ends, a neighbour's goes on."""
    async with secure_door(certificate) as (door, port):
        neighbour = Caller(await connect(port, client_context(certificate)))
        await neighbour.open()
        attacker = Caller(await trio.open_tcp_stream("127.0.0.1", port))
        await attacker.send(sent)
        assert await attacker.ended()
        await attacker.stream.aclose()
        await until(lambda: door.connections == 1)
        await neighbour.send(frame(9, b"x"))
        assert not isinstance(await neighbour.event(), TextMessage | None)
        assert isinstance(neighbour.stream, trio.SSLStream)
        neighbour.stream.transport_stream.socket.close()


@pytest.mark.system
async def test_old_versions_are_refused(certificate: Path) -> None:
    """TLS 1.1 is over."""
    context = client_context(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with secure_door(certificate) as (_, port):
        with pytest.raises(trio.BrokenResourceError):
            await connect(port, context)


def test_every_suite_is_aead_with_forward_secrecy(certificate: Path) -> None:
    """Nothing in CBC mode, nothing whose key opens what was recorded before."""
    suites = tls_context(certificate / "cert.pem", certificate / "key.pem").get_ciphers()

    assert {suite["protocol"] for suite in suites} == {"TLSv1.2", "TLSv1.3"}
    assert all(suite["aead"] for suite in suites), [suite["name"] for suite in suites]
    # TLS 1.3 agrees on a key by itself.
    assert {suite["kea"] for suite in suites} <= {"kx-ecdhe", "kx-any"}


@pytest.mark.system
async def test_a_client_with_old_suites_is_refused(certificate: Path) -> None:
    """Who can do CBC alone doesn't get in."""
    context = client_context(certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384")
    async with secure_door(certificate) as (_, port):
        with pytest.raises(trio.BrokenResourceError):
            await connect(port, context)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    """The operator is told which, and what is wanted."""
    (tmp_path / "text.pem").write_text("no PEM")
    with pytest.raises(ConfigError, match="PEM") as refused:
        tls_context(tmp_path / "text.pem", None)
    assert refused.value.key == "server.tls_certificate"
    with pytest.raises(ConfigError, match="No such file") as refused:
        tls_context(tmp_path / "none.pem", tmp_path / "text.pem")
    assert refused.value.key == "server.tls_certificate"
    with pytest.raises(ConfigError, match="No such file") as refused:
        tls_context(tmp_path / "text.pem", tmp_path / "none.pem")
    assert refused.value.key == "server.tls_key"
