"""The files of ``deploy/``, run in front of relayd: ``python -m bench.proxies``.

Each proxy of this machine gets its file with names and ports replaced, ends TLS, and serves five
live streams through one reload. Exit code 1 where a stream or the client's address doesn't come
through; what a reload does to live streams is the proxy's, and is only told.
"""

import re
import shutil
import socket
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, cast

import attrs
import trio

from bench.certificate import make_certificate
from bench.faults.client import App
from bench.faults.verdict import Verdict
from bench.faults.world import World, world
from bench.wire import upgrade_request

__all__ = ["main"]

DEPLOY: Final = Path(__file__).parents[1] / "deploy"
HOST: Final = "relay.example.org"
# An address that the client claims to have, and has not.
CLAIMED: Final = "198.51.100.7"
STREAMS: Final = 5
# After the reload: longer than any of the timeouts in the files would take a quiet stream.
WATCHED_SECONDS: Final = 15
START_SECONDS: Final = 15


@attrs.frozen
class Proxy:
    """A program, its file in deploy/, and how it is started and reloaded here."""

    name: str
    file: str
    # The text as it runs here, from the shipped one and the places: listen, plain, relayd, pem.
    localised: Callable[[str, dict[str, str]], str]
    start: Callable[[Path], list[str]]
    reload: Callable[[Path], list[str]]


def _nginx(text: str, at: dict[str, str]) -> str:
    text = text.replace("listen 443", f"listen 127.0.0.1:{at['listen']}")
    text = text.replace("listen 80", f"listen 127.0.0.1:{at['plain']}")
    text = re.sub(r"(ssl_certificate\s+)[^;]+", rf"\g<1>{at['cert']}", text)
    text = re.sub(r"(ssl_certificate_key\s+)[^;]+", rf"\g<1>{at['key']}", text)
    place = at["directory"]
    head = f"pid {place}/pid; daemon off; error_log {place}/error.log; events {{}}\n"
    paths = "".join(
        f"{one}_temp_path {place}/{one};"
        for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"{head}http {{ access_log off; {paths}\n{text}\n}}\n"


def _caddy(text: str, at: dict[str, str]) -> str:
    head = "{\n  admin unix/" + f"{at['directory']}/admin\n  auto_https off\n" + "}\n"
    site = f"https://{HOST}:{at['listen']} {{\n  tls {at['cert']} {at['key']}"
    return head + text.replace(f"{HOST} {{", site)


def _haproxy(text: str, at: dict[str, str]) -> str:
    text = text.replace("bind :80", f"bind 127.0.0.1:{at['plain']}")
    text = text.replace("bind :443", f"bind 127.0.0.1:{at['listen']}")
    return text.replace(f"/etc/haproxy/certs/{HOST}.pem", at["both"])


PROXIES: Final = (
    Proxy(
        "nginx",
        "nginx.conf",
        _nginx,
        lambda path: ["nginx", "-c", str(path)],
        lambda path: ["nginx", "-c", str(path), "-s", "reload"],
    ),
    Proxy(
        "caddy",
        "Caddyfile",
        _caddy,
        lambda path: ["caddy", "run", "--adapter", "caddyfile", "--config", str(path)],
        lambda path: ["caddy", "reload", "--force", "--adapter", "caddyfile", "--config",
                      str(path), "--address", f"unix/{path.parent}/admin"],
    ),
    Proxy(
        "haproxy",
        "haproxy.cfg",
        _haproxy,
        lambda path: ["haproxy", "-W", "-p", f"{path.parent}/pid", "-f", str(path)],
        # As its systemd unit does it.
        lambda path: ["sh", "-c", f"kill -USR2 $(head -1 {path.parent}/pid)"],
    ),
)  # fmt: skip


def main() -> int:
    """Run each that is installed."""
    unmet = 0
    for proxy in PROXIES:
        verdict = Verdict(proxy.name)
        if shutil.which(proxy.name) is None:
            verdict.note("not installed here", "skipped")
            continue
        trio.run(_try, proxy, verdict)
        unmet += verdict.unmet
    return 1 if unmet else 0


async def _try(proxy: Proxy, verdict: Verdict) -> None:
    trusting = {"trusted_proxies": "127.0.0.1", "public_url": f"https://{HOST}"}
    async with (
        world() as here,
        here.daemon({"server": trusting}) as daemon,
        _running(proxy, daemon.port) as (port, path),
        trio.open_nursery() as nursery,
    ):
        apps = [await _session(here, port, f"s{number}") for number in range(STREAMS)]
        for app in apps:
            nursery.start_soon(app.speak_on, 100)
            nursery.start_soon(app.listen)
        await trio.sleep(2)
        heard = [app.last("transcript") is not None for app in apps]
        verdict.equal("streams whose words came through", sum(heard), STREAMS)
        await trio.run_process(proxy.reload(path), capture_stderr=True)
        await trio.sleep(WATCHED_SECONDS)
        verdict.note(
            "live streams that a reload left alone", sum(app.ended_at is None for app in apps)
        )
        codes = {app.close_code for app in apps if app.ended_at is not None}
        verdict.note("close codes of the others", codes or "-")
        again = await _session(here, port, "again")
        verdict.equal("a stream after the reload", again.ended_at, None)
        live = await here.books.wallet.live_sessions()
        seen = {one.client_address for one in live}
        verdict.equal("a client's own claim believed", bool(seen & {CLAIMED}), wanted=False)
        nursery.cancel_scope.cancel()


async def _session(here: World, port: int, label: str) -> App:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    stream = await trio.open_ssl_over_tcp_stream(
        "127.0.0.1", port, ssl_context=context, https_compatible=True
    )
    claim = f"X-Forwarded-For: {CLAIMED}\r\nForwarded: for={CLAIMED}\r\n"
    await stream.send_all(upgrade_request(HOST, "/ws/transcribe", claim))
    head = b""
    while b"\r\n\r\n" not in head:
        data = await stream.receive_some(65_536)
        if not data:
            raise ConnectionError(f"no answer to the upgrade: {head!r}")
        head += data
    if b" 101 " not in head.partition(b"\r\n")[0]:
        raise ConnectionError(head[:300].decode("latin-1"))
    (customer,) = await here.customers(1, 3_600_000)
    app = App(cast("trio.SocketStream", stream))
    answer = await app.open(customer.token, {"interim_results": True, "search": [label]})
    if answer.get("type") != "ready":
        raise RuntimeError(f"the session was refused: {answer}")
    return app


@asynccontextmanager
async def _running(proxy: Proxy, relayd_port: int) -> AsyncIterator[tuple[int, Path]]:
    """The proxy while entered: where it listens, and its file."""
    with tempfile.TemporaryDirectory(prefix="relayd-proxy-") as name:
        directory = Path(name)
        made = await make_certificate(directory)
        cert, key = made.certificate, made.key
        both = directory / "both.pem"
        both.write_text(cert.read_text() + key.read_text())
        listen, plain = _free_port(), _free_port()
        places = {"cert": cert, "key": key, "both": both, "directory": directory}
        at = {one: str(value) for one, value in places.items()}
        at |= {"listen": str(listen), "plain": str(plain)}
        text = (DEPLOY / proxy.file).read_text()
        path = directory / proxy.file
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{relayd_port}")
        path.write_text(proxy.localised(text, at))
        with (directory / "log").open("wb") as log:
            process = await trio.lowlevel.open_process(proxy.start(path), stdout=log, stderr=log)
        try:
            await _until_listening(listen, directory)
            yield listen, path
        finally:
            process.terminate()
            with trio.move_on_after(5, shield=True):
                await process.wait()
            process.kill()


async def _until_listening(port: int, directory: Path) -> None:
    with trio.move_on_after(START_SECONDS):
        while True:
            try:
                await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
            except OSError:
                await trio.sleep(0.05)
            else:
                return
    raise RuntimeError((directory / "log").read_text())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
