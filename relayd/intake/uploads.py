"""Files that come in several requests, and go on where they stopped, whatever stopped them.

What was taken is first on the disk for good and then counted, in the database: after a power
failure, or `kill -9`, an upload goes on at a byte before which all are there. A file is on the
machine that took its beginning; where several serve, an upload's requests must all reach that one.
"""

import datetime as dt
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Protocol
from uuid import UUID, uuid4

import attrs
import trio

from relayd.errors import ObjectMissing, Unreadable, UploadBusy
from relayd.intake.asked import Asked
from relayd.intake.intake import Intake
from relayd.intake.upload_rows import Begun, Upload
from relayd.storage.ports import Store
from relayd.storage.resumable import Resumable, ResumableFile
from relayd.transcriptions.outcomes import Declined, Submission, Submitted

__all__ = [
    "Arrival",
    "Direct",
    "Records",
    "UploadGone",
    "UploadTooLarge",
    "UploadUnfinished",
    "Uploads",
    "sweep_direct",
    "sweep_uploads",
]

# Between two times that what came is counted: so much at most comes again after a `kill -9`.
COUNTED_BYTES: Final = 32 * 1024 * 1024
# To count the last of a request whose sender has left.
LAST_SECONDS: Final = 10.0
# That one account may have under way or not handed in yet.
UPLOADS_MAX: Final = 8
# The folder of the store into which files are sent without us, by signed links.
DIRECT: Final = "uploads"
LINK_SECONDS: Final = 3600
# A link is long over by then, and what came by it wasn't handed in.
_DIRECT_OLD: Final = dt.timedelta(days=2)


class UploadGone(Exception):  # noqa: N818 - what is so, not an error
    """There is no such upload, or not any more."""


class UploadTooLarge(Exception):  # noqa: N818 - likewise
    """It has more bytes than a file may have."""


class UploadUnfinished(Exception):  # noqa: N818 - likewise
    """Not all of it has come."""


class Records(Protocol):
    """Where uploads are counted; see `relayd.intake.upload_rows.UploadRows`."""

    async def create(self, asked: Begun, seconds: float, most: int) -> Upload | None:
        """Record one."""

    async def find(self, user_id: UUID, upload_id: UUID) -> Upload | None:
        """One's own."""

    async def advance(self, upload_id: UUID, offset_bytes: int, seconds: float) -> Upload | None:
        """So much is there for good."""

    async def forget(self, user_id: UUID, upload_id: UUID) -> bool:
        """Remove one."""

    async def expire(self) -> int:
        """Remove those that nobody went on with."""

    async def recorded(self, upload_ids: Collection[UUID]) -> set[UUID]:
        """Those of these that there are."""

    async def deleted(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Those of these users whose accounts were deleted."""


@attrs.frozen
class Direct:
    """A file that is to be sent to the store itself: a PUT to ``url``, within so many seconds."""

    upload_id: UUID
    url: str
    seconds: int = LINK_SECONDS


@attrs.define(eq=False)
class Arrival:
    """What one request brings of an upload; all that it took is counted when it is over."""

    upload: Upload
    _file: ResumableFile
    _uploads: "Uploads"

    @property
    def left_bytes(self) -> int:
        """What is yet to come of the whole."""
        return self.upload.size_bytes - self._file.taken_bytes

    async def write(self, part: bytes) -> None:
        """Take the next bytes, no more than are left. Raises `StorageUnavailable`."""
        assert len(part) <= self.left_bytes
        await self._file.write(part)
        if self._file.taken_bytes >= self.upload.offset_bytes + COUNTED_BYTES:
            await self.count()

    async def count(self) -> None:
        """See that what came stays. Raises `UploadGone`, where it was given up meanwhile."""
        there = await self._file.sync()
        records, seconds = self._uploads.records, self._uploads.seconds
        upload = await records.advance(self.upload.id, there, seconds)
        if upload is None:
            raise UploadGone
        self.upload = upload


@attrs.frozen
class Uploads:
    """Those of all users. Raises `DatabaseUnavailable`, `StorageUnavailable`."""

    records: Records
    files: Resumable
    intake: Intake
    # Given up when nothing has come for so long.
    seconds: float
    bytes_max: int

    async def create(self, user_id: UUID, name: str, size_bytes: int) -> Upload | None:
        """Take room for a file; None where there are too many of the user's.

        Raises `StorageFull`.
        """
        asked = Begun(uuid4(), user_id, name, size_bytes)
        await self.files.create(asked.id, size_bytes)
        made = await self.records.create(asked, self.seconds, UPLOADS_MAX)
        if made is None:
            await self.files.remove([asked.id])
        return made

    async def direct(self, user_id: UUID) -> Direct | None:
        """Where a file may be sent without us; None where the store has no such links."""
        upload_id = uuid4()
        url = await self.intake.store.link(_direct_key(user_id, upload_id), LINK_SECONDS, "PUT")
        return None if url is None else Direct(upload_id, url)

    async def find(self, user_id: UUID, upload_id: UUID) -> Upload | None:
        """How one of theirs stands."""
        return await self.records.find(user_id, upload_id)

    async def remove(self, user_id: UUID, upload_id: UUID) -> bool:
        """Give one of theirs up; whether it was there. A request that writes it then ends."""
        found = await self.records.forget(user_id, upload_id)
        if found:
            await self.files.remove([upload_id])
        return found

    @asynccontextmanager
    async def arriving(self, user_id: UUID, upload_id: UUID) -> AsyncIterator[Arrival]:
        """Take more of one of theirs. Raises `UploadGone`, `UploadBusy`."""
        async with self._held(user_id, upload_id) as (upload, file):
            arrival = Arrival(upload, file, self)
            try:
                yield arrival
            finally:
                with trio.move_on_after(LAST_SECONDS, shield=True):
                    await arrival.count()

    async def hand_in(self, user_id: UUID, upload_id: UUID, asked: Asked) -> Submitted | Declined:
        """Make a recording of one of theirs, which is kept where the queue refuses it.

        The same request again is the same recording. Raises `UploadGone`, `UploadUnfinished`,
        `UploadTooLarge`, `UploadBusy`, and what `Intake.hand_in` does.
        """
        submission = asked.submission(user_id, upload_id, asked.fingerprint(upload_id.bytes))
        before = await self.intake.queue.repeated(submission)
        if before is not None:
            return before
        if await self.find(user_id, upload_id) is None:
            await self._fetch(user_id, upload_id)
        async with self._held(user_id, upload_id) as (upload, file):
            if not upload.complete:
                raise UploadUnfinished
            named = attrs.evolve(submission, name=submission.name or upload.name)
            # Another request may have handed it in, and died before it could say so.
            outcome = await self.intake.queue.repeated(named)
            if outcome is None:
                outcome = await self._taken(named, file)
        if isinstance(outcome, Submitted):
            await self.remove(user_id, upload_id)
        return outcome

    async def _fetch(self, user_id: UUID, upload_id: UUID) -> None:
        """Have one here that was sent to the store itself."""
        key, store = _direct_key(user_id, upload_id), self.intake.store
        listed = await store.list(f"{DIRECT}/{user_id}")
        size_bytes = next((one.size_bytes for one in listed if one.key == key), None)
        if size_bytes is None:
            raise UploadGone
        if size_bytes > self.bytes_max:
            raise UploadTooLarge
        if size_bytes == 0:
            raise Unreadable("empty", "The file is empty.")
        spool = self.files.spool
        await spool.in_thread(spool.make_sure, size_bytes)
        async with store.as_file(key) as path:
            await self.files.adopt(upload_id, path)
        asked = Begun(upload_id, user_id, "", size_bytes)
        if await self.records.create(asked, self.seconds, UPLOADS_MAX) is None:
            await self.files.remove([upload_id])
            raise UploadBusy("the user has too many that are not handed in")
        await self.records.advance(upload_id, size_bytes, self.seconds)
        await store.delete([key])

    async def _taken(self, submission: Submission, file: ResumableFile) -> Submitted | Declined:
        async with file.named_apart() as path:
            try:
                return await self.intake.hand_in(submission, path)
            except Unreadable as fault:
                unreadable = fault
        # It can't become a recording any more.
        await self.remove(submission.user_id, submission.id)
        raise unreadable

    @asynccontextmanager
    async def _held(
        self, user_id: UUID, upload_id: UUID
    ) -> AsyncIterator[tuple[Upload, ResumableFile]]:
        """One of theirs, and its file, which no other request writes meanwhile."""
        if await self.find(user_id, upload_id) is None:
            raise UploadGone
        async with AsyncExitStack() as stack:
            try:
                file = await stack.enter_async_context(self.files.held(upload_id))
            except ObjectMissing:
                raise UploadGone from None
            # As it was left by who held it before.
            upload = await self.find(user_id, upload_id)
            if upload is None:
                raise UploadGone
            file.offset_bytes = upload.offset_bytes
            yield upload, file


async def sweep_uploads(records: Records, files: Resumable) -> int:
    """Remove those that nobody went on with; how many files of this machine."""
    await records.expire()
    there = await files.there()
    recorded = await records.recorded(there)
    abandoned = [one for one in there if one not in recorded]
    await files.remove(abandoned)
    return len(abandoned)


async def sweep_direct(records: Records, store: Store, now: dt.datetime) -> int:
    """Remove from the store what was sent there and never will be handed in; how much."""
    listed = await store.list(DIRECT)
    owners = {key: owner for one in listed if (owner := _owner(key := one.key)) is not None}
    deleted = await records.deleted(set(owners.values()))
    over = [
        one.key
        for one in listed
        if one.changed_at < now - _DIRECT_OLD or owners.get(one.key) in deleted
    ]
    await store.delete(over)
    return len(over)


def _owner(key: str) -> UUID | None:
    """Who sent it: uploads/USER/UPLOAD."""
    try:
        return UUID(key.split("/")[1])
    except ValueError:
        return None


def _direct_key(user_id: UUID, upload_id: UUID) -> str:
    return f"{DIRECT}/{user_id}/{upload_id}"
