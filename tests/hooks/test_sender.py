"""Webhooks on PostgreSQL: told in the transaction of the end, sent until they are taken."""

import json
from collections.abc import Iterator
from uuid import UUID, uuid4

import attrs
import psycopg
import pytest
import trio

from relayd.database.pool import Pool
from relayd.hooks import rows
from relayd.hooks.rows import PAUSES_SECONDS, Delivery
from relayd.hooks.sender import Sender
from relayd.hooks.signature import signed_headers
from relayd.hooks.webhooks import Webhooks
from relayd.jobs.ending import JobEnding, finish
from relayd.transcriptions.outcomes import Transcription
from tests.jobs.queueing import Queue
from tests.outbound.internet import Internet

URL = "http://example.com/hook"
AT = 1_800_000_000


def answer(status: int) -> bytes:
    """What an endpoint says."""
    return f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode()


@attrs.define(eq=False)
class Post:
    """A user, their endpoints, the queue, and the internet."""

    queue: Queue
    database: Pool
    user_id: UUID
    internet: Internet = attrs.field(
        factory=lambda: Internet(
            {"example.com": ["8.8.8.8"], "slow.example": ["1.1.1.1"]}, {"8.8.8.8": answer(204)}
        )
    )

    @property
    def webhooks(self) -> Webhooks:
        """As the routes have them."""
        return Webhooks(self.database)

    @property
    def sender(self) -> Sender:
        """One that sends at a known time."""
        return Sender(self.database, self.internet.outbound(), lambda: AT)

    async def add(self, url: str = URL, *, every: bool = True) -> UUID:
        """An endpoint."""
        made = await self.webhooks.add(self.user_id, url, every=every)
        assert made is not None
        return made.id

    def done(self, **options: str) -> Transcription:
        """A recording that was handed in and is done."""
        made = self.queue.submitted(self.user_id, options=options, metadata={"talk": 7})
        claim = self.queue.claim(self.queue.worker())
        assert claim is not None
        assert self.queue.finish(claim) is not None
        return made

    async def send(self) -> None:
        """Work off what is due."""
        while (lane := await self.database.transact(rows.lease)) is not None:
            await self.sender.work_off(lane)

    async def deliveries(self, endpoint_id: UUID) -> list[Delivery]:
        """Of an endpoint, newest first."""
        return list(await self.webhooks.deliveries(self.user_id, endpoint_id))

    def let_time_pass(self) -> float:
        """Until the next attempt is due; how long that was."""
        row = self.queue.connection.execute(
            """
            UPDATE webhook_deliveries SET due_at = now() WHERE due_at IS NOT NULL
            RETURNING (SELECT extract(epoch FROM old.due_at - now())::float
                       FROM webhook_deliveries AS old WHERE old.id = webhook_deliveries.id)
            """
        ).fetchone()
        assert row is not None
        return float(row[0])


@pytest.fixture
def post(database_url: str, database: Pool) -> Iterator[Post]:
    """Of a user with credit."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        queue = Queue(connection)
        yield Post(queue, database, queue.user())
        queue.check()


async def test_an_end_is_told(post: Post) -> None:
    """Once, signed, with what one needs to fetch the words; nothing else is in it."""
    endpoint_id = await post.add()
    recording = post.done()
    await post.send()
    (sent,) = await post.deliveries(endpoint_id)
    assert (sent.status, sent.attempts, sent.due_at) == (204, 1, None)
    assert sent.delivered_at is not None
    head, _, body = bytes(post.internet.heard).partition(b"\r\n\r\n")
    told = json.loads(body)
    assert told["type"] == "transcription.completed"
    assert told["data"]["id"] == str(recording.id)
    assert told["data"]["metadata"] == {"talk": 7}
    (endpoint,) = await post.webhooks.endpoints(post.user_id)
    signed = signed_headers(endpoint.secret, str(sent.id), AT, body)
    assert f"Webhook-Signature: {signed['Webhook-Signature']}".encode() in head
    await post.send()
    assert len(post.internet.dialled) == 1


async def test_only_who_wants_to_know_is_told(post: Post) -> None:
    """One that is named, or wants every one; never another user's."""
    named = await post.add(every=False)
    other = await post.add("http://example.com/other", every=False)
    stranger = await post.webhooks.add(post.queue.user(), URL, every=True)
    assert stranger is not None
    post.done(webhook=str(named))
    post.done()
    assert len(await post.deliveries(named)) == 1
    assert await post.deliveries(other) == []
    assert await post.webhooks.deliveries(post.user_id, stranger.id) == []


async def test_failures_and_ends_from_outside_are_told_too(post: Post) -> None:
    """An app waits for an end, not for a success."""
    endpoint_id = await post.add()
    waiting = post.queue.submitted(post.user_id)
    post.queue.cancel(post.user_id, waiting.id)
    post.queue.submitted(post.user_id)
    claim = post.queue.claim(post.queue.worker())
    assert claim is not None
    failed = JobEnding("failed", reason="engine_failed", problem="It did not answer.")
    post.queue.do(finish, (claim.user_id, claim.id), claim.fence, failed, 30)
    events = [one.event for one in await post.deliveries(endpoint_id)]
    assert events == ["transcription.failed", "transcription.cancelled"]


async def test_what_did_not_happen_is_not_told(post: Post) -> None:
    """The message is in the transaction of the end: where that is undone, there is none."""
    endpoint_id = await post.add()
    post.queue.submitted(post.user_id)
    claim = post.queue.claim(post.queue.worker())
    assert claim is not None
    with post.queue.connection.transaction(force_rollback=True):
        post.queue.finish(claim)
    assert await post.deliveries(endpoint_id) == []


async def test_it_is_tried_eight_times(post: Post) -> None:
    """At 0, 5 s, 5 min, 30 min, 2, 5, 10 and 10 h; then it is given up."""
    endpoint_id = await post.add()
    post.internet.answers["8.8.8.8"] = answer(500)
    post.done()
    waited = []
    for _ in PAUSES_SECONDS:
        await post.send()
        waited.append(post.let_time_pass())
    assert waited == pytest.approx(PAUSES_SECONDS, abs=2)
    await post.send()
    (sent,) = await post.deliveries(endpoint_id)
    assert (sent.attempts, sent.status, sent.due_at, sent.delivered_at) == (8, 500, None, None)


async def test_who_is_gone_is_left_alone(post: Post) -> None:
    """410 ends it, for what waits too; adding the address again begins anew."""
    endpoint_id = await post.add()
    post.internet.answers["8.8.8.8"] = answer(410)
    post.done()
    post.done()
    await post.send()
    assert len(post.internet.dialled) == 1
    assert {one.due_at for one in await post.deliveries(endpoint_id)} == {None}
    post.done()
    assert len(await post.deliveries(endpoint_id)) == 2
    (endpoint,) = await post.webhooks.endpoints(post.user_id)
    assert endpoint.disabled_reason
    assert await post.add() == endpoint_id
    post.done()
    assert len(await post.deliveries(endpoint_id)) == 3


async def test_an_address_inside_is_not_asked(post: Post) -> None:
    """A webhook is no way to the machines behind the server."""
    post.internet.names = {"inner.example": ["169.254.169.254"]}
    endpoint_id = await post.add("http://inner.example/latest/meta-data")
    post.done()
    await post.send()
    assert not post.internet.dialled
    (sent,) = await post.deliveries(endpoint_id)
    assert sent.problem is not None
    assert "public" in sent.problem


async def test_one_lane_an_endpoint(post: Post) -> None:
    """While somebody sends to one, nobody else does; another one is not kept waiting."""
    slow, quick = await post.add("http://slow.example/"), await post.add()
    post.done()
    first = await post.database.transact(rows.lease)
    second = await post.database.transact(rows.lease)
    assert {first, second} == {slow, quick}
    assert await post.database.transact(rows.lease) is None


async def test_it_can_be_sent_again(post: Post) -> None:
    """By its owner alone; it is another attempt of the same message."""
    endpoint_id = await post.add()
    post.done()
    await post.send()
    (sent,) = await post.deliveries(endpoint_id)
    assert await post.webhooks.send_again(post.queue.user(), sent.id) is None
    assert await post.webhooks.send_again(post.user_id, uuid4()) is None
    again = await post.webhooks.send_again(post.user_id, sent.id)
    assert again is not None
    assert (again.attempts, again.delivered_at) == (0, None)
    await post.send()
    assert len(post.internet.dialled) == 2
    assert bytes(post.internet.heard).count(str(sent.id).encode()) == 2


async def test_of_what_was_deleted_nothing_is_told(post: Post) -> None:
    """What its owner took away leaves no word with others."""
    endpoint_id = await post.add()
    recording = post.done()
    post.queue.delete(post.user_id, recording.id)
    await post.send()
    assert not post.internet.dialled
    (sent,) = await post.deliveries(endpoint_id)
    assert sent.due_at is None


async def test_endpoints_are_bounded(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user has so many; the same address is the same one."""
    monkeypatch.setattr(rows, "ENDPOINTS_MAX", 2)
    first = await post.add()
    await post.add("http://example.com/other")
    assert await post.webhooks.add(post.user_id, "http://example.com/more", every=True) is None
    assert await post.add() == first
    assert await post.webhooks.remove(post.user_id, first)
    assert not await post.webhooks.remove(post.user_id, first)


async def test_a_sender_that_died_loses_nothing(post: Post) -> None:
    """Its lane is free after its lease, and its message is sent again."""
    endpoint_id = await post.add()
    post.done()
    lane = await post.database.transact(rows.lease)
    assert lane == endpoint_id
    assert await post.database.transact(rows.next_message, endpoint_id) is not None
    post.queue.connection.execute("UPDATE webhook_endpoints SET leased_until = now()")
    post.let_time_pass()
    await post.send()
    (sent,) = await post.deliveries(endpoint_id)
    assert sent.delivered_at is not None


async def test_a_daemon_sends(post: Post) -> None:
    """The loop finds what is due by itself."""
    endpoint_id = await post.add()
    post.done()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(post.sender.run)
        with trio.fail_after(10):
            while (  # noqa: ASYNC110 - told in the database alone
                (await post.deliveries(endpoint_id))[0].delivered_at is None
            ):
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
