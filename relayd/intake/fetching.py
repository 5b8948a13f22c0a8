"""Recordings that are fetched from where their owner says, by whichever process comes to it.

A fetch is a row, made in one transaction with its recording and begun under a lease: when the
process that fetches dies, another one begins again. So it is when the other side fails,
three times.
"""

from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4, uuid5

import attrs
import trio

from relayd import logs
from relayd.background import guarded, keep
from relayd.database.ports import Database
from relayd.errors import (
    DatabaseUnavailable,
    MediaFailed,
    OutboundFailed,
    OutboundRefused,
    StorageUnavailable,
    Unreadable,
)
from relayd.intake import fetches
from relayd.intake.asked import Asked
from relayd.intake.fetches import Fetch
from relayd.intake.intake import Intake
from relayd.outbound.requests import Outbound, Response
from relayd.storage.spool import SpoolFile
from relayd.transcriptions.outcomes import (
    Declined,
    DeclinedReason,
    Incoming,
    Standing,
    Transcription,
)
from relayd.transcriptions.service import Transcriptions

__all__ = ["Fetcher", "name_of"]

log = logs.get(__name__)

# At once in one process. Each has a connection and 1 MiB of its file in memory.
AT_ONCE: Final = 4
# How soon a fetch of another process that died or failed is noticed.
LOOK_SECONDS: Final = 2.0
RENEW_SECONDS: Final = 20.0
# A whole fetch: 4 GiB at 1.2 MB/s.
FETCH_SECONDS: Final = 3600.0
# After the first failure of the other side, the second, …; after the last one it has failed.
PAUSES_SECONDS: Final = (10.0, 60.0, 300.0)
# After a failure of ours, which counts for nothing.
OUTAGE_SECONDS: Final = 30.0

_OK: Final = 200
_TRYING: Final = {408, 425, 429, 500, 502, 503, 504}
_WORDS: Final = {
    DeclinedReason.INSUFFICIENT_CREDITS: "There is not enough credit for this recording.",
    DeclinedReason.CREDIT_FROZEN: "The credit is frozen while a payment is disputed.",
    DeclinedReason.QUEUE_FULL: "Too many recordings wait already.",
    DeclinedReason.MODEL_NOT_IN_PLAN: "Your plan doesn't have this model.",
    DeclinedReason.TOO_LONG: "The recording is longer than may be sent here.",
    DeclinedReason.KEY_TAKEN: "Its Idempotency-Key was used for another request.",
    DeclinedReason.KEY_ENDED: "Its API key was revoked, or has expired.",
    DeclinedReason.UPLOAD_OVER: "It was ended meanwhile.",
    DeclinedReason.UNKNOWN_USER: "The account is gone.",
}


class _Hopeless(Exception):  # noqa: N818 - an end, not an error
    """It will never come: a code for programs, and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class _Over(Exception):  # noqa: N818 - likewise
    """Somebody else has ended it, or has begun it anew."""


@attrs.define(eq=False)
class Fetcher:
    """The fetches of one process."""

    database: Database
    outbound: Outbound
    intake: Intake
    transcriptions: Transcriptions
    bytes_max: int
    # How long a recording may take to come before it is given up.
    upload_seconds: float
    _wake: trio.Event = attrs.field(factory=trio.Event)

    async def begin(self, user_id: UUID, asked: Asked, url: str) -> Standing | Declined:
        """Record a recording that is to be fetched, which begins at once."""
        key = asked.idempotency_key
        # The same key of the same user leads to the same row, whoever comes first.
        kind = "test fetch" if asked.test else "fetch"
        identity = uuid4() if key is None else uuid5(user_id, f"{kind} {key}")
        named = attrs.evolve(asked, name=asked.name or name_of(url))
        incoming = Incoming(
            identity,
            user_id,
            named.model,
            named.name,
            named.options,
            dict(named.metadata),
            named.key_id,
            named.test,
        )
        outcome: Transcription | Declined = await self.database.transact(
            fetches.begin, incoming, named, url, self.upload_seconds
        )
        self._wake.set()
        return outcome if isinstance(outcome, Declined) else Standing(outcome)

    async def run(self) -> NoReturn:
        """Work off what is due until cancelled."""
        places = trio.Semaphore(AT_ONCE)
        async with trio.open_nursery() as nursery:

            async def look() -> None:
                self._wake = trio.Event()
                await places.acquire()
                fetch = None
                try:
                    fetch = await self.database.transact(fetches.claim)
                finally:
                    if fetch is None:
                        places.release()
                if fetch is not None:
                    nursery.start_soon(self._work, fetch, places)
                    return
                with trio.move_on_after(LOOK_SECONDS):
                    await self._wake.wait()

            await keep("fetching", look)

    async def _work(self, fetch: Fetch, places: trio.Semaphore) -> None:
        try:
            with guarded("fetch failed", transcription=fetch.transcription_id):
                await self.fetch(fetch)
        except DatabaseUnavailable as problem:
            # Its lease runs out, and it is begun again.
            log.warning("a fetch waits", transcription=fetch.transcription_id, problem=str(problem))
        finally:
            places.release()

    async def fetch(self, fetch: Fetch) -> None:
        """Fetch one and hand it in, or say why not. Raises `DatabaseUnavailable`."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._renew, fetch, nursery.cancel_scope)
                await self._take(fetch)
                nursery.cancel_scope.cancel()
        except* (_Hopeless, OutboundRefused, Unreadable) as group:
            await self._refuse(fetch, _first(group))
        except* OutboundFailed as group:
            await self._again(fetch, str(_first(group)))
        except* (StorageUnavailable, MediaFailed) as group:
            log.warning("a recording can't be taken", problem=str(_first(group)))
            await self.database.transact(fetches.postpone, fetch, OUTAGE_SECONDS, failures=0)
        except* _Over:
            log.info("fetch ended from outside", transcription=fetch.transcription_id)

    async def _take(self, fetch: Fetch) -> None:
        async with self.outbound.fetch(fetch.url, FETCH_SECONDS) as answer:
            _judge(answer, self.bytes_max)
            async with self.intake.spool.file(answer.announced_bytes) as file:
                await self._fill(file, answer)
                if await self.transcriptions.measuring(fetch.transcription_id) is None:
                    raise _Over
                submission = fetch.asked.submission(
                    fetch.user_id, fetch.transcription_id, fetch.fingerprint
                )
                outcome = await self.intake.hand_in(submission, file.path)
        if isinstance(outcome, Declined):
            raise _Hopeless(outcome.reason.value, _WORDS[outcome.reason])
        await self.database.transact(fetches.finish, fetch)
        log.info(
            "recording fetched",
            transcription=fetch.transcription_id,
            user=fetch.user_id,
            bytes=file.size_bytes,
            milliseconds=outcome.standing.transcription.measured_ms,
        )

    async def _fill(self, file: SpoolFile, answer: Response) -> None:
        async for part in answer.parts:
            if file.taken_bytes + len(part) > self.bytes_max:
                raise _too_large(self.bytes_max)
            await file.write(part)
        await file.finish()

    async def _renew(self, fetch: Fetch, fetching: trio.CancelScope) -> None:
        while True:
            await trio.sleep(RENEW_SECONDS)
            if not await self.database.transact(fetches.renew, fetch):
                fetching.cancel()
                return

    async def _refuse(self, fetch: Fetch, error: BaseException) -> None:
        if isinstance(error, _Hopeless | Unreadable):
            code, message = error.code, error.message
        else:
            code, message = "url_refused", f"The URL can't be fetched: {error}."
        log.info("fetch refused", transcription=fetch.transcription_id, reason=code)
        await self.transcriptions.refuse(fetch.user_id, fetch.transcription_id, code, message)
        await self.database.transact(fetches.finish, fetch)

    async def _again(self, fetch: Fetch, problem: str) -> None:
        if fetch.failures >= len(PAUSES_SECONDS):
            await self._refuse(
                fetch, _Hopeless("url_failed", f"The URL can't be fetched: {problem}.")
            )
            return
        pause_seconds = PAUSES_SECONDS[fetch.failures]
        log.info("fetch put off", transcription=fetch.transcription_id, problem=problem)
        await self.database.transact(fetches.postpone, fetch, pause_seconds, failures=1)


def name_of(url: str) -> str:
    """The file's name, as an address has it; empty where it has none."""
    last = unquote(urlsplit(url).path.rpartition("/")[2], errors="replace")
    return "".join(one for one in last if one.isprintable())[:255]


def _judge(answer: Response, bytes_max: int) -> None:
    if answer.status in _TRYING:
        raise OutboundFailed(f"it answers {answer.status}")
    if answer.status != _OK:
        raise _Hopeless("url_status", f"The URL answers {answer.status}.")
    if (answer.announced_bytes or 0) > bytes_max:
        raise _too_large(bytes_max)


def _too_large(bytes_max: int) -> _Hopeless:
    return _Hopeless("file_too_large", f"A file may have {bytes_max:,} bytes here.")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    one: BaseException = group
    while isinstance(one, BaseExceptionGroup):
        one = one.exceptions[0]
    return one
