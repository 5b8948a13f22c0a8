"""A world that takes recordings, on fakes, and forms to send it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import attrs
import trio
from quart import Response

from relayd.intake.asked import Format
from relayd.intake.intake import Intake
from relayd.intake.uploads import Uploads
from relayd.routes.toolkit.wiring import EXTENSION, Batch
from relayd.storage.resumable import Resumable
from relayd.storage.spool import Spool
from tests.fakes.hooks import MemoryHooks
from tests.fakes.storage import MemoryStore
from tests.fakes.transcriptions import MemoryRecordings, Ruler
from tests.fakes.uploads import MemoryUploads
from tests.routes.world import World

__all__ = ["Studio", "form", "open_studio"]

BOUNDARY = "b0und4ry"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
SOUND = b"ID3" + bytes(range(256)) * 8


@attrs.define(eq=False)
class Studio:
    """What stands behind the routes of recordings, and somebody who is signed in."""

    world: World
    directory: Path
    recordings: MemoryRecordings = attrs.field(factory=MemoryRecordings)
    ruler: Ruler = attrs.field(factory=Ruler)
    hooks: MemoryHooks = attrs.field(factory=MemoryHooks)
    uploads: MemoryUploads = attrs.field(factory=MemoryUploads)
    store: MemoryStore = attrs.field(init=False)
    token: str = ""

    def __attrs_post_init__(self) -> None:
        self.store = MemoryStore(self.directory)
        spool = Spool(self.directory / "spool", 0, trio.CapacityLimiter(1))
        intake = Intake(spool, self.store, self.ruler, self.recordings, 36_000)
        batch = Batch(
            intake=intake,
            uploads=Uploads(self.uploads, Resumable(spool), intake, 3600, 100_000),
            fetches=self.recordings,
            transcriptions=self.recordings,
            webhooks=self.hooks,
            models=("default", "Tiny.EN"),
            written=written,
            upload_bytes_max=100_000,
        )
        wiring = self.world.app.extensions[EXTENSION]
        services = attrs.evolve(wiring.services, batch=batch)
        self.world.app.extensions[EXTENSION] = attrs.evolve(wiring, services=services)

    async def sign_in(self) -> "Studio":
        """Be somebody."""
        self.token = (await self.world.register())["token"]
        return self

    async def send(
        self, content: bytes = SOUND, *, key: str | None = None, **fields: str
    ) -> Response:
        """Hand a file in, under an Idempotency-Key or none."""
        return await self.world.ask(
            "/api/v1/transcribe",
            "POST",
            token=self.token,
            data=form(content, **fields),
            headers={"Content-Type": TYPE} | ({} if key is None else {"Idempotency-Key": key}),
        )

    async def taken(self, **fields: str) -> dict[str, Any]:
        """A recording that was taken."""
        response = await self.send(SOUND, key=None, **fields)
        assert response.status_code == 202, await response.get_data()
        body = await response.get_json()
        assert isinstance(body, dict)
        return body

    async def ask(self, path: str, method: str = "GET", **more: Any) -> Response:
        """A request below /api/v1."""
        return await self.world.ask(f"/api/v1{path}", method, token=self.token, **more)

    async def finish(self, identity: str, words: str = "four score") -> None:
        """Let a worker be done with it."""
        await self.store.put(f"results/{identity}", json.dumps({"text": words}).encode())
        self.recordings.finish(UUID(identity), f"results/{identity}")

    @property
    def left(self) -> list[Path]:
        """What is in the spool."""
        folder = self.directory / "spool"
        return list(folder.iterdir()) if folder.exists() else []


@contextmanager
def open_studio(world: World | None = None) -> Iterator[Studio]:
    """A world that takes recordings; inside of Trio."""
    with TemporaryDirectory() as directory:
        yield Studio(world or World(), Path(directory))


def form(content: bytes | None = SOUND, filename: str = "talk.mp3", **fields: str) -> bytes:
    """A form with this file, and fields before it."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if content is not None:
        about = f'form-data; name="file"; filename="{filename}"'
        parts.append(
            f"--{BOUNDARY}\r\nContent-Disposition: {about}\r\n\r\n".encode() + content + b"\r\n"
        )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def written(document: bytes, wanted: Format, name: str) -> bytes:
    """Words in a format, near enough."""
    words = json.loads(document)
    if wanted in {Format.JSON, Format.VERBOSE_JSON}:
        return json.dumps(words).encode()
    return f"{wanted.value}: {words['text']}\n".encode()
