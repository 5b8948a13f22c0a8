"""Sends what is due: one message at a time to each endpoint, many endpoints at once."""

import json
import time
from collections.abc import Callable
from typing import Final, NoReturn
from uuid import UUID

import attrs
import trio

from relayd import logs
from relayd.background import guarded, keep
from relayd.database.ports import Database
from relayd.durations import seconds
from relayd.errors import DatabaseUnavailable, OutboundFailed
from relayd.hooks import rows
from relayd.hooks.rows import Message
from relayd.hooks.signature import signed_headers
from relayd.outbound.requests import Outbound

__all__ = ["Sender", "body_of"]

log = logs.get(__name__)

# Lanes at once, each with a connection of its own.
LANES: Final = 16
# Of one lane before another one has its turn.
MESSAGES: Final = 20
LOOK_SECONDS: Final = 1.0
# Well within a lane's lease.
ANSWER_SECONDS: Final = 15.0


@attrs.define(eq=False)
class Sender:
    """The webhooks of one daemon. Several daemons may send at once."""

    database: Database
    outbound: Outbound
    # Seconds since 1970.
    clock: Callable[[], float] = time.time

    async def run(self) -> NoReturn:
        """Send until cancelled."""
        places = trio.Semaphore(LANES)
        async with trio.open_nursery() as nursery:

            async def look() -> None:
                await places.acquire()
                lane = None
                try:
                    lane = await self.database.transact(rows.lease)
                finally:
                    if lane is None:
                        places.release()
                if lane is None:
                    await trio.sleep(LOOK_SECONDS)
                else:
                    nursery.start_soon(self._work, lane, places)

            await keep("webhooks", look)

    async def _work(self, lane: UUID, places: trio.Semaphore) -> None:
        try:
            with guarded("webhook failed", endpoint=lane):
                await self.work_off(lane)
        except DatabaseUnavailable as problem:
            # Its lease runs out, and it is sent again: whoever gets it twice knows it by its id.
            log.warning("webhooks wait", endpoint=lane, problem=str(problem))
        finally:
            places.release()

    async def work_off(self, lane: UUID) -> None:
        """Send what is due in a lane, a bounded number of messages. Raises DatabaseUnavailable."""
        for _ in range(MESSAGES):
            message = await self.database.transact(rows.next_message, lane)
            if message is None:
                break
            await self._send(lane, message)
        await self.database.transact(rows.release, lane)

    async def _send(self, lane: UUID, message: Message) -> None:
        body = body_of(message)
        headers = signed_headers(message.secret, str(message.id), int(self.clock()), body)
        status = problem = None
        try:
            status, _ = await self.outbound.post(message.url, body, headers, ANSWER_SECONDS)
        except OutboundFailed as error:
            problem = str(error)
        delivered = await self.database.transact(rows.sent, message, status, problem)
        # Neither the address nor what it said: both are its owner's.
        log.info(
            "webhook sent",
            endpoint=lane,
            message=message.id,
            attempt=message.attempt,
            delivered=delivered,
            status=status,
        )


def body_of(message: Message) -> bytes:
    """What is told: which recording, and how it ended. The words are to be fetched."""
    failed = message.event.endswith(".failed")
    data = {
        "id": str(message.transcription_id),
        "status": message.event.rpartition(".")[2],
        "model": message.model,
        "name": message.name,
        "duration_seconds": None if message.measured_ms is None else seconds(message.measured_ms),
        "cost_seconds": None if message.charged_ms is None else seconds(message.charged_ms),
        "metadata": message.metadata,
        "error": {"code": message.reason, "message": message.problem} if failed else None,
    }
    said = {"type": message.event, "timestamp": message.created_at.isoformat(), "data": data}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
