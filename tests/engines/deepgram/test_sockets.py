"""The Deepgram engine over real sockets: resets, refused ports, stalls, certificates."""

import contextlib
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from relayd.engines.deepgram.engine import Deepgram
from relayd.errors import UpstreamClosed, UpstreamError, UpstreamUnavailable
from relayd.speech.plan import StreamPlan
from relayd.speech.words import Transcript
from relayd.websocket.pump import open_pump
from tests.conftest import DeclaredErrors
from tests.engines.deepgram.wired import FRAME, SETTINGS, failure, read_all
from tests.standin import Fault, Script, StandIn

pytestmark = pytest.mark.system

PATIENCE = 20


@asynccontextmanager
async def served(*scripts: Script, **settings: Any) -> AsyncIterator[tuple[StandIn, Deepgram]]:
    """A stand-in on a loopback port, and an engine that dials it."""
    stand_in = StandIn(scripts=list(scripts) or [Script()])
    async with open_pump() as pump, trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE):
            port = await nursery.start(stand_in.serve, "127.0.0.1", 0)
            url = f"ws://127.0.0.1:{port}"
            yield stand_in, Deepgram(attrs.evolve(SETTINGS, url=url, **settings), pump)
        nursery.cancel_scope.cancel()


def plan(engine: Deepgram, **options: Any) -> StreamPlan:
    """A plan that must be allowed."""
    found = engine.plan(options)
    assert isinstance(found, StreamPlan)
    return found


async def test_a_stream_over_tcp_arrives_byte_for_byte() -> None:
    """Ten streams at once: nothing is lost, changed or sent to another."""
    async with served() as (stand_in, engine):

        async def stream_one(number: int) -> None:
            # Frames of every size class of the framing, cut across samples.
            frames = [bytes([number]) * size for size in (1, 125, 126, 3200, 65_535, 65_536)]
            async with engine.open(plan(engine)) as stream:
                for frame in frames:
                    await stream.send_audio(frame)
                await stream.finish()
                events = await read_all(stream)
            assert all(isinstance(event, Transcript) for event in events)
            sent = b"".join(frames)
            assert stream.reported_ms == pytest.approx(len(sent) / 32, abs=1)
            assert [bytes(r.audio) for r in stand_in.records].count(sent) == 1

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(stream_one, number)


async def test_a_reset_is_a_closed_stream() -> None:
    """An RST in mid-stream, felt by the receiver and by the sender."""
    async with (
        served(Script(fault=Fault.RESET, after_ms=100)) as (_, engine),
        engine.open(plan(engine)) as stream,
    ):
        await stream.send_audio(FRAME)
        assert isinstance(await failure(stream), UpstreamClosed)
        with pytest.raises(UpstreamClosed):
            await stream.send_audio(FRAME)


async def test_a_full_socket_is_a_stall() -> None:
    """An engine that stops reading fills the buffers, then the send deadline ends it."""
    async with (
        served(Script(fault=Fault.STALL), send_seconds=0.3) as (_, engine),
        engine.open(plan(engine)) as stream,
    ):

        async def send() -> None:
            while True:
                await stream.send_audio(b"\0" * 500_000)

        with pytest.raises(UpstreamUnavailable) as caught:
            await send()
        assert "took no audio" in caught.value.hint


async def test_a_cancelled_stall_is_left_at_once() -> None:
    """A client that goes while the engine stalls does not wait for the engine."""
    stalled = Script(fault=Fault.STALL)
    async with served(stalled, send_seconds=60, close_seconds=60) as (_, engine):
        with trio.move_on_after(1) as scope:
            async with engine.open(plan(engine)) as stream:
                while True:
                    await stream.send_audio(b"\0" * 500_000)
        late = trio.current_time() - scope.deadline
        assert late < 5


async def test_a_refused_port_is_told(declared_errors: DeclaredErrors) -> None:
    """Nobody listens: the operator hears the address."""
    async with served() as (_, engine):
        pass
    hint = await engine.check()
    declared_errors.expect("deepgram stream failed")
    assert hint is not None
    assert hint.startswith("Deepgram: can't connect to 127.0.0.1:")


async def test_tls_is_spoken_only_with_a_trusted_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared_errors: DeclaredErrors
) -> None:
    """An unknown certificate is refused with its reason; a trusted one carries a stream."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    openssl = shutil.which("openssl")
    assert openssl is not None, "the openssl command is needed to make a certificate"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", f"{key}", "-out", f"{certificate}", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    await trio.run_process(command, capture_stderr=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    stand_in = StandIn()

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.do_handshake()
            await stand_in.serve_stream(stream)

    async with open_pump() as pump, trio.open_nursery() as nursery:
        (listener,) = await trio.open_ssl_over_tcp_listeners(
            0, context, host="127.0.0.1", https_compatible=True
        )
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        tcp = listener.transport_listener
        assert isinstance(tcp, trio.SocketListener)
        port = tcp.socket.getsockname()[1]
        settings = attrs.evolve(SETTINGS, url=f"wss://127.0.0.1:{port}")
        with trio.fail_after(PATIENCE):
            hint = await Deepgram(settings, pump).check()
            declared_errors.expect("deepgram stream failed")
            assert "not trusted (self-signed certificate)" in (hint or "")
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            engine = Deepgram(settings, pump)
            async with engine.open(plan(engine)) as stream:
                await stream.send_audio(FRAME)
                await stream.finish()
                assert await read_all(stream)
        nursery.cancel_scope.cancel()
    assert bytes(stand_in.records[-1].audio) == FRAME


async def test_an_unencrypted_far_end_is_not_talked_to(declared_errors: DeclaredErrors) -> None:
    """A wss:// address where no TLS answers gets neither the key nor a byte of audio."""
    heard = bytearray()

    async def listen(stream: trio.SocketStream) -> None:
        heard.extend(await stream.receive_some(4096))
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with open_pump() as pump, trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, listen, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        engine = Deepgram(attrs.evolve(SETTINGS, url=f"wss://127.0.0.1:{port}"), pump)
        with trio.fail_after(PATIENCE), pytest.raises(UpstreamError) as caught:
            async with engine.open(plan(engine)):
                pytest.fail("it opened")
        nursery.cancel_scope.cancel()
    declared_errors.expect("deepgram stream failed")
    assert "can't connect" in caught.value.hint
    assert b"Token" not in heard
