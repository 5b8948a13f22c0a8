"""An upload by tuspy, over a daemon that is killed in the middle of it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tusclient.client import TusClient

from tests.cli.commands import url
from tests.config.files import SECRETS
from tests.daemon.test_working import AUDIO_MS, spoken
from tests.ledger.store import Store

pytestmark = pytest.mark.system

CHUNK = 100_000
CREDENTIALS = {"email": "grace@example.org", "password": "battery staple 7"}


@contextmanager
def served(database_url: str, directory: Path, port: int) -> Iterator[tuple[int, str]]:
    """`relayd serve` in a process of its own: its id, and its URL."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELAYD_")}
    environ |= SECRETS | {
        "RELAYD_DATABASE__URL": url(database_url),
        "RELAYD_DATABASE__DATA_DIRECTORY": str(directory / "data"),
        "RELAYD_SERVER__LISTEN": f"127.0.0.1:{port}",
        "RELAYD_SERVER__PROCESSES": "1",
        "RELAYD_BATCH__WORKERS": "1",
        "RELAYD_ENGINES__DEEPGRAM__API_KEY": "unused",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "relayd", "serve"],
        cwd=directory,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = next(one for one in process.stdout if "relayd listening on" in one)
            yield process.pid, line.split()[-1].rstrip("/")
        finally:
            process.kill()


def ask(address: str, body: Any = None, token: str = "") -> Any:
    """A request with JSON, and its answer."""
    request = urllib.request.Request(  # noqa: S310 - our own daemon
        address,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310 - likewise
        return json.load(response)


def test_it_goes_on_after_a_kill(database_url: str, tmp_path: Path) -> None:
    """At the byte that was counted last; the words and the price are those of the whole."""
    sound = spoken(tmp_path / "talk.wav")
    with served(database_url, tmp_path, 0) as (pid, first):
        registered = ask(f"{first}/auth/register", CREDENTIALS)
        token = registered["token"]
        client = TusClient(f"{first}/api/v1/uploads", {"Authorization": f"Bearer {token}"})
        with (tmp_path / "talk.wav").open("rb") as file:
            upload = client.uploader(
                file_stream=file, chunk_size=CHUNK, metadata={"filename": "talk.wav"}
            )
            upload.upload(stop_at=2 * CHUNK)
            assert upload.url is not None
        os.kill(pid, signal.SIGKILL)
    with psycopg.connect(database_url, autocommit=True) as connection:
        user_id = UUID(ask_user(connection))
        Store(connection).book(user_id, "grant", "test", 1_000_000)

    with served(database_url, tmp_path, 0) as (_, second):
        client = TusClient(f"{second}/api/v1/uploads", {"Authorization": f"Bearer {token}"})
        place = f"{second}/api/v1/uploads/{upload.url.rpartition('/')[2]}"
        with (tmp_path / "talk.wav").open("rb") as file:
            resumed = client.uploader(file_stream=file, url=place, chunk_size=CHUNK)
            assert resumed.offset == 2 * CHUNK
            resumed.upload()
        assert resumed.offset == len(sound)
        wishes = {"upload": place.rpartition("/")[2], "model": "pretend"}
        taken = ask(f"{second}/api/v1/transcribe", wishes, token)
        assert (taken["name"], taken["duration_seconds"]) == ("talk.wav", AUDIO_MS / 1000)
        with urllib.request.urlopen(  # noqa: S310 - our own daemon
            urllib.request.Request(  # noqa: S310 - likewise
                f"{second}/api/v1/transcriptions/{taken['id']}/events",
                headers={"Authorization": f"Bearer {token}"},
            )
        ) as events:
            assert b'"completed"' in events.read()


def ask_user(connection: psycopg.Connection[Any]) -> str:
    """The only user's id."""
    row = connection.execute("SELECT id::text FROM users").fetchone()
    assert row is not None
    return str(row[0])
