"""Sends what is due, for as long as the daemon runs: nobody waits for it, and nothing is lost.

A mail that the server refuses for good is given up at once; one that it doesn't take now is tried
again after pauses that double, for as long as it is worth sending. Both are told in the log, by
the mail's and the user's id: addresses, links and words stand in no line of it.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

import attrs
import trio

from relayd import config, logs
from relayd.background import guarded, keep
from relayd.database.ports import Database
from relayd.errors import DatabaseUnavailable, MailUnavailable
from relayd.mail import queue
from relayd.mail.letters import Letterhead, Letters, LetterText
from relayd.mail.queue import Due
from relayd.mail.smtp import ANSWER_SECONDS, Carrier, SmtpCarrier

__all__ = ["Postman", "compose"]

log = logs.get(__name__)

# Between two looks at an empty queue: who waits for a mail waits this much longer.
POLL_SECONDS: Final = 2.0
# Sent at the same time, each in a thread; most mail servers take ten connections of one client.
BATCH: Final = 4
# Connecting, greeting, encrypting, signing in, sender, recipient, text, leaving.
_ANSWERS: Final = 10
_DATABASE_SECONDS: Final = 30
LEASE_SECONDS: Final = _ANSWERS * ANSWER_SECONDS + _DATABASE_SECONDS
_OLD_MAX: Final = 1000


@attrs.define(eq=False)
class Postman:
    """The queue in the database, and the one worker of this daemon."""

    database: Database
    carrier: Carrier
    letters: Letters
    letterhead: Letterhead
    sender: str
    now: Callable[[], dt.datetime] = attrs.field(default=lambda: dt.datetime.now(dt.UTC))

    @classmethod
    def configured(cls, whole: config.Config, database: Database) -> "Postman | None":
        """That of this configuration; None where no mail is sent."""
        if not whole.mail.on:
            return None
        threads = trio.CapacityLimiter(BATCH)
        return cls(
            database,
            SmtpCarrier.configured(whole.mail, whole.server.public_url, threads),
            Letters(whole.auth.pepper.reveal().encode()),
            Letterhead(whole.seller, whole.server.public_url),
            whole.mail.sender,
        )

    async def run(self) -> None:
        """Send until cancelled."""
        await keep("mail", self._work_or_wait, again_seconds=POLL_SECONDS)

    async def _work_or_wait(self) -> None:
        await self.give_up_old()
        if await self.work() == 0:
            await trio.sleep(POLL_SECONDS)

    async def work(self) -> int:
        """Send once what is due; how many mails were taken over by the server."""
        sent: list[Due] = []
        due = await self.database.transact(queue.claim, BATCH, LEASE_SECONDS)
        async with trio.open_nursery() as nursery:
            for one in due:
                nursery.start_soon(self._send, one, sent)
        return len(sent)

    async def give_up_old(self) -> None:
        """Let go of what could not be sent while it was worth it, and say so."""
        for one in await self.database.transact(queue.discard_old, _OLD_MAX):
            log.error("mail given up", mail=one.id, user=one.user_id, kind=one.kind.value)

    async def _send(self, due: Due, sent: list[Due]) -> None:
        """One mail. Whatever goes wrong, it is due again: after a pause, or its lease."""
        facts: dict[str, object] = {"mail": due.id, "user": due.user_id, "kind": due.kind.value}
        with guarded("mail could not be sent", **facts):
            try:
                if await self._deliver(due, facts):
                    sent.append(due)
            except DatabaseUnavailable as error:
                log.warning("mail may be sent twice", problem=str(error), **facts)

    async def _deliver(self, due: Due, facts: Mapping[str, object]) -> bool:
        try:
            refusal = await self.carrier.carry(self._message(due))
        except MailUnavailable as error:
            tell = log.error if error.refused else log.warning
            tell("mail waits", problem=str(error), **facts)
            await self.database.transact(queue.put_off, due.id)
            return False
        if refusal is None:
            log.info("mail sent", **facts)
        else:
            log.warning("mail can't be delivered", problem=refusal, **facts)
        await self.database.transact(queue.remove, due.id)
        return refusal is None

    def _message(self, due: Due) -> EmailMessage:
        token = self.letters.token(due.id) if due.kind.page else None
        text = self.letterhead.write(due.kind, due.facts, token)
        message = compose(text, self.letterhead.name, self.sender, due.address)
        message["Date"] = format_datetime(self.now())
        # The same at a second attempt, so that a mail sent twice is shown once.
        message["Message-ID"] = f"<{due.id}@{self.sender.rpartition('@')[2]}>"
        return message


def compose(text: LetterText, name: str, sender: str, recipient: str) -> EmailMessage:
    """A mail in plain text; no machine answers it (RFC 3834)."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(name, addr_spec=sender)
    message["To"] = recipient
    message["Subject"] = text.subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.body)
    return message
