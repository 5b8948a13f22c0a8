"""Fetching a model from a server of this machine: whole, in two goes, broken, wrong."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import pytest

from relayd.engines.whispercpp import fetching
from relayd.engines.whispercpp.fetching import fetch
from relayd.engines.whispercpp.known import KNOWN, Published
from relayd.engines.whispercpp.shelf import Shelf
from relayd.errors import ModelUnavailable, OperatorError

MODEL = b"lmgg" + bytes(range(256)) * 1_000


@attrs.define(eq=False)
class Server:
    """Serves one file. ``most`` cuts an answer off; ``ranges`` False ignores where to begin."""

    port: int = 0
    data: bytes = MODEL
    most: int | None = None
    ranges: bool = True
    status: int = 200
    asked: list[str | None] = attrs.field(factory=list)

    def published(self, name: str = "base") -> Published:
        """The file under this name, with its checksum."""
        digits = hashlib.sha256(MODEL).hexdigest()
        return Published(name, f"http://127.0.0.1:{self.port}/ggml.bin", digits)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted[6:-1]) if wanted and self.ranges else 0
        if start >= len(self.data):
            handler.send_error(416)
            return
        handler.send_response(206 if start else self.status)
        handler.send_header("Content-Length", str(len(self.data) - start))
        handler.end_headers()
        handler.wfile.write(self.data[start : None if self.most is None else start + self.most])


@pytest.fixture
def server() -> Iterator[Server]:
    """A server in a thread."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        state.port = running.server_port
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """No models yet."""
    return Shelf(tmp_path / "models")


def ignore(have: int, total: int | None) -> None:
    """Nobody looks."""


def test_a_model_is_fetched(server: Server, shelf: Shelf) -> None:
    """Whole, under its name, and how far it is was told on the way."""
    told: list[tuple[int, int | None]] = []
    found = fetch(shelf, server.published(), lambda *now: told.append(now))
    assert found.path.read_bytes() == MODEL
    assert [one.name for one in shelf.files()] == ["base"]
    assert told[-1] == (len(MODEL), len(MODEL))
    assert [one.name for one in shelf.directory.iterdir()] == ["ggml-base.bin"]


def test_it_goes_on_where_it_stopped(server: Server, shelf: Shelf) -> None:
    """What came is kept, asked for no second time, and is no model as long as it isn't whole."""
    server.most = 100_000
    with pytest.raises(ModelUnavailable, match="goes on where it stopped"):
        fetch(shelf, server.published(), ignore)
    assert list(shelf.files()) == []
    server.most = None
    assert fetch(shelf, server.published(), ignore).path.read_bytes() == MODEL
    assert server.asked == [None, "bytes=100000-"]


def test_a_server_without_ranges_begins_again(server: Server, shelf: Shelf) -> None:
    """Nothing is put behind what it already was."""
    server.most = 100_000
    with pytest.raises(ModelUnavailable):
        fetch(shelf, server.published(), ignore)
    server.most, server.ranges = None, False
    assert fetch(shelf, server.published(), ignore).path.read_bytes() == MODEL


def test_what_was_whole_already_is_only_checked(server: Server, shelf: Shelf) -> None:
    """The connection may have broken after the last byte."""
    shelf.directory.mkdir()
    (shelf.directory / "ggml-base.bin.part").write_bytes(MODEL)
    assert fetch(shelf, server.published(), ignore).path.read_bytes() == MODEL


def test_a_wrong_file_is_never_used(server: Server, shelf: Shelf) -> None:
    """It is deleted, and the operator told."""
    server.data = MODEL[:-1] + b"!"
    with pytest.raises(OperatorError, match="SHA-256"):
        fetch(shelf, server.published(), ignore)
    assert list(shelf.directory.iterdir()) == []


def test_a_file_of_another_kind_is_no_model(server: Server, shelf: Shelf) -> None:
    """However right its checksum is."""
    server.data = b"GGUF" + bytes(100)
    wanted = attrs.evolve(server.published(), sha256=hashlib.sha256(server.data).hexdigest())
    with pytest.raises(OperatorError, match="no ggml file"):
        fetch(shelf, wanted, ignore)
    assert list(shelf.directory.iterdir()) == []


def test_what_is_not_there_is_told(server: Server, shelf: Shelf) -> None:
    """By its address and the answer."""
    server.status = 404
    with pytest.raises(ModelUnavailable, match="answered 404"):
        fetch(shelf, server.published(), ignore)


def test_a_full_disk_is_told_before(
    server: Server, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written that has no room."""
    monkeypatch.setattr(fetching, "FREE_BYTES", 10**15)
    with pytest.raises(OperatorError, match="has room for 0 bytes"):
        fetch(shelf, server.published(), ignore)
    assert list(shelf.directory.iterdir()) == []


def test_published_models_are_named_after_their_files() -> None:
    """Each at an address of its own, with a checksum."""
    assert len({one.sha256 for one in KNOWN.values()}) == len(KNOWN)
    for name, one in KNOWN.items():
        assert one.url.endswith(f"/ggml-{name}.bin")
        assert len(bytes.fromhex(one.sha256)) == 32
