"""Uploads in several requests: what was taken stays, whatever ends a request."""

import datetime as dt
from pathlib import Path
from uuid import UUID, uuid4

import attrs
import psycopg
import pytest
import trio

from relayd.database.pool import Pool
from relayd.errors import DatabaseUnavailable, StorageFull, Unreadable, UploadBusy
from relayd.intake import uploads
from relayd.intake.asked import Asked
from relayd.intake.intake import Intake
from relayd.intake.upload_rows import Begun, Upload, UploadRows
from relayd.intake.uploads import (
    Records,
    UploadGone,
    Uploads,
    UploadTooLarge,
    UploadUnfinished,
    sweep_direct,
    sweep_uploads,
)
from relayd.storage.resumable import Resumable
from relayd.storage.spool import Spool
from relayd.transcriptions.outcomes import Declined, DeclinedReason, Submitted
from tests.fakes.storage import MemoryStore
from tests.fakes.transcriptions import MemoryRecordings, Ruler
from tests.fakes.uploads import MemoryUploads
from tests.ledger.store import Store

SOUND = bytes(range(256)) * 40
WHO = uuid4()
ASKED = Asked("any")


@attrs.define(eq=False)
class Desk:
    """Where a user's uploads come in, on fakes and a real folder."""

    directory: Path
    records: MemoryUploads = attrs.field(factory=MemoryUploads)
    recordings: MemoryRecordings = attrs.field(factory=MemoryRecordings)
    ruler: Ruler = attrs.field(factory=Ruler)
    floor_bytes: int = 0
    store: MemoryStore = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        # Copies are made beside the uploads, as the daemon's store does.
        self.store = MemoryStore(self.directory / "spool", links=True)

    @property
    def spool(self) -> Path:
        """Where the files are."""
        return self.directory / "spool"

    @property
    def files(self) -> Resumable:
        """Those that come."""
        return Resumable(Spool(self.spool, self.floor_bytes, trio.CapacityLimiter(2)))

    @property
    def uploads(self) -> Uploads:
        """As a process has them that has just started."""
        files = self.files
        intake = Intake(files.spool, self.store, self.ruler, self.recordings, 36_000)
        return Uploads(self.records, files, intake, 3600, 100_000)

    async def begun(self, size_bytes: int = len(SOUND)) -> Upload:
        """One of which nothing has come."""
        upload = await self.uploads.create(WHO, "talk.mp3", size_bytes)
        assert upload is not None
        return upload

    async def send(self, upload: Upload, part: bytes) -> int:
        """One request with these bytes; how many there are then."""
        async with self.uploads.arriving(WHO, upload.id) as arrival:
            await arrival.write(part)
        return arrival.upload.offset_bytes

    async def complete(self) -> Upload:
        """One that has come whole."""
        upload = await self.begun()
        await self.send(upload, SOUND)
        return upload


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Empty."""
    return Desk(tmp_path)


async def test_part_by_part(desk: Desk) -> None:
    """Each request goes on where the one before it stopped; the whole is what was sent."""
    upload = await desk.begun()
    for start in range(0, len(SOUND), 3000):
        assert await desk.send(upload, SOUND[start : start + 3000]) == min(start + 3000, len(SOUND))
    (file,) = desk.spool.iterdir()
    assert file.read_bytes() == SOUND

    taken = await desk.uploads.hand_in(WHO, upload.id, ASKED)

    assert isinstance(taken, Submitted)
    assert taken.standing.transcription.id == upload.id
    assert taken.standing.transcription.name == "talk.mp3"
    assert list(desk.spool.iterdir()) == []
    assert await desk.uploads.find(WHO, upload.id) is None


async def test_a_request_that_is_cut_off(desk: Desk) -> None:
    """What it brought is counted although its sender left in the middle."""
    upload = await desk.begun()
    with trio.CancelScope() as request:
        async with desk.uploads.arriving(WHO, upload.id) as arrival:
            await arrival.write(SOUND[:5000])
            request.cancel()
            await trio.sleep_forever()

    found = await desk.uploads.find(WHO, upload.id)
    assert found is not None
    assert found.offset_bytes == 5000
    assert await desk.send(upload, SOUND[5000:]) == len(SOUND)
    (file,) = desk.spool.iterdir()
    assert file.read_bytes() == SOUND


async def test_a_process_that_is_killed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was counted now and then stays; what came after it is written once more."""
    monkeypatch.setattr(uploads, "COUNTED_BYTES", 4000)
    upload = await desk.begun()
    held = desk.uploads.arriving(WHO, upload.id)
    arrival = await held.__aenter__()
    await arrival.write(SOUND[:5000])
    await arrival.write(b"lost with the process")
    counted = desk.records.rows[upload.id].offset_bytes
    # Never left: as of a process that is gone, but for the lock, which the kernel lets go of.
    (file,) = desk.spool.iterdir()
    file.rename(tmp_path / "before")
    file.write_bytes((tmp_path / "before").read_bytes())

    assert counted == 5000
    assert await desk.send(upload, SOUND[5000:]) == len(SOUND)
    assert file.read_bytes() == SOUND
    monkeypatch.undo()
    await held.__aexit__(None, None, None)


async def test_one_request_at_a_time(desk: Desk) -> None:
    """Another one is told to wait; so is who would hand it in meanwhile."""
    upload = await desk.begun()
    async with desk.uploads.arriving(WHO, upload.id):
        with pytest.raises(UploadBusy):
            await desk.send(upload, b"x")
        with pytest.raises(UploadBusy):
            await desk.uploads.hand_in(WHO, upload.id, ASKED)
    assert await desk.send(upload, b"x") == 1


async def test_given_up_while_it_comes(desk: Desk) -> None:
    """It is gone at once, and the request that brings it ends."""
    upload = await desk.begun()

    async def bring() -> None:
        async with desk.uploads.arriving(WHO, upload.id) as arrival:
            await arrival.write(b"sound")
            assert await desk.uploads.remove(WHO, upload.id)

    with pytest.raises(UploadGone):
        await bring()
    assert list(desk.spool.iterdir()) == []
    assert not await desk.uploads.remove(WHO, upload.id)


async def test_only_ones_own(desk: Desk) -> None:
    """Another's upload is as one that isn't there."""
    upload = await desk.complete()
    stranger = uuid4()
    assert await desk.uploads.find(stranger, upload.id) is None
    assert not await desk.uploads.remove(stranger, upload.id)
    with pytest.raises(UploadGone):
        await desk.uploads.hand_in(stranger, upload.id, ASKED)
    with pytest.raises(UploadGone):
        async with desk.uploads.arriving(stranger, upload.id):
            raise AssertionError("it was let in")


async def test_room_is_taken_first(desk: Desk) -> None:
    """A full disk refuses the whole at its beginning, and nothing stays of it."""
    desk.floor_bytes = 1 << 60
    with pytest.raises(StorageFull):
        await desk.begun()
    assert list(desk.spool.iterdir()) == []
    assert desk.records.rows == {}


async def test_so_many_at_most(desk: Desk) -> None:
    """Who has begun many hands one in, or gives one up, before the next."""
    begun = [await desk.begun() for _ in range(uploads.UPLOADS_MAX)]
    assert await desk.uploads.create(WHO, "", 10) is None
    assert len(list(desk.spool.iterdir())) == uploads.UPLOADS_MAX
    await desk.uploads.remove(WHO, begun[0].id)
    await desk.begun()


async def test_not_before_it_is_complete(desk: Desk) -> None:
    """Half of a recording is none; it stays where it is."""
    upload = await desk.begun()
    await desk.send(upload, SOUND[:5000])
    with pytest.raises(UploadUnfinished):
        await desk.uploads.hand_in(WHO, upload.id, ASKED)
    assert await desk.send(upload, SOUND[5000:]) == len(SOUND)


async def test_handed_in_once(desk: Desk) -> None:
    """The same request again is the same recording; another one about it is refused."""
    upload = await desk.complete()
    first = await desk.uploads.hand_in(WHO, upload.id, ASKED)
    again = await desk.uploads.hand_in(WHO, upload.id, ASKED)
    other = await desk.uploads.hand_in(WHO, upload.id, attrs.evolve(ASKED, language="en"))
    assert isinstance(first, Submitted)
    assert isinstance(again, Submitted)
    assert again.repeated
    assert first.standing.transcription.id == again.standing.transcription.id
    assert other == Declined(DeclinedReason.KEY_TAKEN)


async def test_what_the_queue_refuses_stays(desk: Desk) -> None:
    """Who has too little credit need not send it all again after buying some."""
    upload = await desk.complete()
    desk.recordings.refusal = Declined(DeclinedReason.INSUFFICIENT_CREDITS)
    assert await desk.uploads.hand_in(WHO, upload.id, ASKED) == desk.recordings.refusal
    desk.recordings.refusal = None
    assert isinstance(await desk.uploads.hand_in(WHO, upload.id, ASKED), Submitted)


async def test_what_is_no_recording_goes(desk: Desk) -> None:
    """It can't become one."""
    upload = await desk.complete()
    desk.ruler.fault = Unreadable("no_audio", "There is no sound in this file.")
    with pytest.raises(Unreadable):
        await desk.uploads.hand_in(WHO, upload.id, ASKED)
    assert await desk.uploads.find(WHO, upload.id) is None
    assert list(desk.spool.iterdir()) == []


async def test_sent_to_the_store_itself(desk: Desk) -> None:
    """It is fetched when it is handed in, once, and leaves the folder where it came in."""
    (desk.spool).mkdir()
    found = await desk.uploads.direct(WHO)
    assert found is not None
    with pytest.raises(UploadGone):
        await desk.uploads.hand_in(WHO, found.upload_id, ASKED)
    await desk.store.put(f"uploads/{WHO}/{found.upload_id}", SOUND)
    with pytest.raises(UploadGone):
        await desk.uploads.hand_in(uuid4(), found.upload_id, ASKED)

    taken = await desk.uploads.hand_in(WHO, found.upload_id, ASKED)
    again = await desk.uploads.hand_in(WHO, found.upload_id, ASKED)

    assert isinstance(taken, Submitted)
    assert isinstance(again, Submitted)
    assert again.repeated
    assert desk.store.objects == {f"audio/{found.upload_id}": SOUND}
    assert list(desk.spool.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "refusal"), [(b"", Unreadable), (bytes(100_001), UploadTooLarge)]
)
async def test_a_strange_size_in_the_store(
    desk: Desk, content: bytes, refusal: type[Exception]
) -> None:
    """Nothing, and more than a file may have, is not fetched."""
    upload_id = uuid4()
    await desk.store.put(f"uploads/{WHO}/{upload_id}", content)
    with pytest.raises(refusal):
        await desk.uploads.hand_in(WHO, upload_id, ASKED)
    assert desk.records.rows == {}


async def test_what_was_sent_and_never_handed_in(desk: Desk) -> None:
    """It leaves the store after two days."""
    await desk.store.put(f"uploads/{WHO}/{uuid4()}", SOUND)
    now = dt.datetime.now(dt.UTC)
    assert await sweep_direct(desk.records, desk.store, now + dt.timedelta(days=1)) == 0
    assert await sweep_direct(desk.records, desk.store, now + dt.timedelta(days=3)) == 1
    assert desk.store.objects == {}


async def test_what_was_sent_by_who_is_gone(desk: Desk) -> None:
    """What the owner of a deleted account sent leaves the store with the next look."""
    other = uuid4()
    for owner in (WHO, other):
        await desk.store.put(f"uploads/{owner}/{uuid4()}", SOUND)
    await desk.store.put("uploads/somebody's/own", SOUND)
    desk.records.gone = {WHO}
    assert await sweep_direct(desk.records, desk.store, dt.datetime.now(dt.UTC)) == 1
    assert {key.split("/")[1] for key in desk.store.objects} == {str(other), "somebody's"}


async def test_the_database_is_away(desk: Desk) -> None:
    """What can't be counted is sent once more, over what is there."""
    upload = await desk.begun()

    async def bring() -> None:
        async with desk.uploads.arriving(WHO, upload.id) as arrival:
            await arrival.write(b"lost")
            desk.records.reachable = False

    with pytest.raises(DatabaseUnavailable):
        await bring()
    desk.records.reachable = True
    assert await desk.send(upload, SOUND) == len(SOUND)
    (file,) = desk.spool.iterdir()
    assert file.read_bytes() == SOUND


async def test_what_nobody_goes_on_with(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expired it is gone for its owner, and the next sweep takes its file; others stay."""
    monkeypatch.setattr("relayd.storage.resumable._NEW_SECONDS", -1)
    kept, late = await desk.begun(), await desk.begun()
    desk.records.rows[late.id] = attrs.evolve(late, expires_at=late.expires_at.replace(year=2000))
    with pytest.raises(UploadGone):
        await desk.send(late, b"x")

    assert await sweep_uploads(desk.records, desk.files) == 1
    assert desk.records.rows.keys() == {kept.id}
    assert [one.name for one in desk.spool.iterdir()] == [f"{kept.id}.upload"]


async def check_records(records: Records, user_id: UUID) -> None:
    """One's own, counted, bounded, forgotten, expired."""
    asked = Begun(uuid4(), user_id, "talk.mp3", 10)
    first = await records.create(asked, 3600, 1)
    assert first is not None
    assert (first.offset_bytes, first.complete) == (0, False)
    assert await records.create(attrs.evolve(asked, id=uuid4()), 3600, 1) is None
    assert await records.find(user_id, first.id) == first
    assert await records.find(uuid4(), first.id) is None

    moved = await records.advance(first.id, 10, 3600)
    assert moved is not None
    assert moved.complete
    assert moved.expires_at > first.expires_at
    assert await records.recorded([first.id, uuid4()]) == {first.id}

    assert await records.advance(first.id, 10, -1) is not None
    assert await records.find(user_id, first.id) is None
    assert await records.expire() == 1
    assert await records.advance(first.id, 10, 3600) is None
    second = await records.create(attrs.evolve(asked, id=uuid4()), 3600, 1)
    assert second is not None
    assert not await records.forget(uuid4(), second.id)
    assert await records.forget(user_id, second.id)


async def test_in_memory() -> None:
    """The tests' own records are as PostgreSQL's."""
    await check_records(MemoryUploads(), uuid4())


@pytest.mark.system
async def test_in_postgresql(database: Pool) -> None:
    """Each call is one transaction on the row."""

    def add_user() -> UUID:
        with psycopg.connect(database.conninfo, autocommit=True) as connection:
            return Store(connection).add_user(0).user_id

    user_id = await trio.to_thread.run_sync(add_user)
    await check_records(UploadRows(database), user_id)
