"""S3 servers to test against: moto, which is installed with us, and s3rver, where it was."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from relayd import config
from relayd.config import Secret

__all__ = ["BUCKET", "Server", "moto", "s3rver"]

BUCKET = "calls"
START_SECONDS = 20


@attrs.frozen
class Server:
    """Where it is, and a key that it takes."""

    endpoint: str
    key: str

    def settings(self, folder: str) -> config.Storage:
        """`[storage]` with a folder of its bucket."""
        return config.Storage(
            url=f"s3://{BUCKET}/{folder}",
            endpoint=self.endpoint,
            region="us-east-1",
            access_key=Secret(self.key),
            secret_key=Secret(self.key),
        )


@contextmanager
def moto() -> Iterator[Server]:
    """An S3 server in a thread of ours, with a bucket."""
    # Here, because it takes a second that other tests need not.
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        made = Server(f"http://{host}:{port}", "testing")
        request = urllib.request.Request(f"{made.endpoint}/{BUCKET}", method="PUT")  # noqa: S310 - our own
        urllib.request.urlopen(request).close()  # noqa: S310 - likewise
        yield made
    finally:
        server.stop()


@contextmanager
def s3rver(directory: Path) -> Iterator[Server]:
    """Another one, of Node, which verifies signatures: `npm install s3rver`.

    Skipped where neither RELAYD_TEST_S3RVER nor the path leads to it.
    """
    program = os.environ.get("RELAYD_TEST_S3RVER") or shutil.which("s3rver")
    if program is None:
        pytest.skip("needs Node and s3rver: npm install --global s3rver")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--address", "127.0.0.1", "--port", str(port), "--directory", str(directory)]
    with subprocess.Popen(  # noqa: S603 - what the tester named
        [program, *options, "--configure-bucket", BUCKET],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _await(f"http://127.0.0.1:{port}/")
            yield Server(f"http://127.0.0.1:{port}", "S3RVER")
        finally:
            process.terminate()


def _await(address: str) -> None:
    """Until it answers, whatever."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(address).close()  # noqa: S310 - loopback
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return
