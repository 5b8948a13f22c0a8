"""A session's line to its app: over one connection, or, where that breaks, the next.

An app that can resume (docs/protocol.md) is waited for: its session goes on without it for a
while, and what is said meanwhile is kept in its `Tail`. Comes it back with another connection,
then what was under way on the old one is taken first, the app hears up to which byte its audio was
taken, what it has missed, and all that follows.

    present ── connection lost ──> absent ── another one attached ──> present
                                     └────── nobody came in time ───> gone
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import attrs
import trio

from relayd.errors import ClientGone
from relayd.session.dialect import Dialect, Mark, Texts
from relayd.session.endings import Ending, EndReason
from relayd.session.limits import SessionLimits
from relayd.session.outbox import Outbox
from relayd.session.ports import Client
from relayd.session.tail import Tail
from relayd.speech.words import EngineChanged, Transcript, UpstreamEvent

__all__ = ["Line"]

# RFC 6455, 7.1.5: the connection ended without a close frame. Whoever closes it, means it.
LOST: Final = 1006


def _nothing_yet() -> int:
    return 0


def _no_welcome() -> Texts:
    return ()


@attrs.define(eq=False)
class Line:
    """Says and hears for one session. ``gone`` is called when nobody is there, nor will be."""

    client: Client
    dialect: Dialect
    ending: Ending
    limits: SessionLimits
    gone: Callable[[], object]
    # How often somebody came back.
    returns: int = 0
    # None: an app that can't come back.
    _tail: Tail | None = None
    _taken: Callable[[], int] = _nothing_yet
    _welcome: Callable[[], Texts] = _no_welcome
    _outbox: Outbox = attrs.field(init=False)
    _nursery: trio.Nursery | None = None
    # Whose messages are received: the client, until another one takes its place.
    _heard: Client = attrs.field(init=False)
    # Nobody receives any more.
    _deaf: bool = False
    # Whoever came back last has results up to this number.
    _received: int = 0
    _attached: trio.Event = attrs.field(factory=trio.Event)
    # Set once the line has no more use of the present client.
    _left: trio.Event = attrs.field(factory=trio.Event)
    _conclusion: Texts | None = None
    # Of the wait for who is absent; None while somebody is there.
    _waiting: trio.CancelScope | None = None
    _patient: bool = True
    _over: bool = False
    # What it ends for, where nobody comes back.
    _excuse: EndReason = EndReason.CLIENT_GONE

    def __attrs_post_init__(self) -> None:
        self._heard = self.client
        self._outbox = self._outbox_to(self.client)

    def open(self, nursery: trio.Nursery) -> None:
        """Start the writer, and watch whether the app is there."""
        self._nursery = nursery
        nursery.start_soon(self._write, self._outbox)
        self.client.on_gone(partial(self._lost, self.client))

    def keep_results(self, taken: Callable[[], int], welcome: Callable[[], Texts]) -> None:
        """The app can come back: from here on it is waited for.

        ``taken`` tells how many bytes of its audio were, ``welcome`` what it hears first.
        """
        self._taken, self._welcome = taken, welcome
        # An outbox has to take them all, and a few texts beside them.
        self._tail = Tail(self.limits.outbox_messages // 2)

    def say(self, texts: Texts) -> None:
        """Say something to who is there; never waits."""
        self._outbox.say(texts)

    def say_result(self, event: UpstreamEvent) -> None:
        """Say a result, now or to who comes back."""
        tail = self._tail
        if tail is None:
            self._outbox.say(self.dialect.result(event))
            return
        # What the next one replaces is not worth keeping, nor who speaks now.
        if isinstance(event, Transcript):
            lasting = event.is_final
        else:
            lasting = not isinstance(event, EngineChanged)
        mark = Mark(self._taken(), tail.number + 1 if lasting else None)
        texts = self.dialect.result(event, mark)
        if lasting:
            tail.keep(texts)
        self._outbox.say(texts)

    def acknowledge(self, number: int) -> None:
        """The app has every result up to this one."""
        if self._tail is not None:
            self._tail.acknowledge(number)

    async def receive(self, take: Callable[[str | bytes], bool]) -> str | bytes:
        """See `Client.receive`: of the present client, or of the next one, waited for."""
        message = await self._hear(take)
        while message is None:
            if self._heard is self.client:
                await self._attached.wait()
            else:
                self._greet()
                message = await self._hear(take)
        return message

    async def _hear(self, take: Callable[[str | bytes], bool]) -> str | bytes | None:
        """None where the connection is lost, and another one is waited for, or there."""
        with suppress(ClientGone):
            return await self._heard.receive(take)
        await trio.lowlevel.checkpoint()
        self._lost(self._heard)
        if self._heard is self.client and self._waiting is None:
            raise ClientGone("the connection was lost")
        return None

    def deafen(self) -> None:
        """Nobody will receive any more: what was taken by now is all."""
        self._deaf = True
        if self._heard is not self.client:
            self._greet()

    def holds(self, received: int) -> bool:
        """Whether all that an app missed which has results up to this number is still here."""
        return self._tail is not None and not self._over and self._tail.since(received) is not None

    def attach(self, client: Client, received: int) -> trio.Event | None:
        """Go on over another connection, whose app has results up to this number.

        The event is set once nothing more is done with it. None: it can't go on here.
        """
        if not self.holds(received):
            return None
        before, self.client = self.client, client
        self._received = received
        self.returns += 1
        self._left.set()
        self._left = trio.Event()
        self._attached.set()
        self._attached = trio.Event()
        self._excuse = EndReason.CLIENT_GONE
        self._outbox.discard()
        before.cut()
        if self._deaf:
            self._greet()
        left = self._left
        client.on_gone(partial(self._lost, client))
        return left

    def conclude(self, texts: Texts) -> None:
        """Say the last texts, and close the connection as the ending says."""
        self._conclusion = texts
        self._outbox.say(texts)
        self._outbox.close()

    def leave(self) -> None:
        """Say nothing more, and leave the connection as it is: it is another session's."""
        self._over = True
        self._outbox.discard()

    def let_go(self) -> None:
        """Wait for nobody, from here on."""
        self._patient = False
        if self._waiting is not None:
            self._waiting.cancel(reason="the daemon drains")

    def _outbox_to(self, client: Client) -> Outbox:
        return Outbox(
            client, self.dialect, self.ending, self.limits, partial(self._lost, client), self._slow
        )

    async def _write(self, outbox: Outbox) -> None:
        await outbox.write()
        if self._conclusion is None or outbox is not self._outbox or self._waiting is not None:
            return
        self._lost(self.client)
        if self._waiting is None:
            self._end()

    def _greet(self) -> None:
        """Say to who came back what it must know."""
        assert self._nursery is not None
        assert self._tail is not None
        self._heard = self.client
        missed = self._tail.since(self._received)
        self._outbox = self._outbox_to(self.client)
        self._nursery.start_soon(self._write, self._outbox)
        # More may have been said since it was attached than is kept: then it hears no half of it.
        if missed is None:
            self._slow()
            return
        for texts in (self._welcome(), *missed):
            self._outbox.say(texts)
        if self._conclusion is not None:
            self.conclude(self._conclusion)

    def _slow(self) -> None:
        """The app does not take what it is told."""
        if not self.may_return:
            self.ending.give(EndReason.SLOW_CLIENT)
            return
        self._excuse = EndReason.SLOW_CLIENT
        self._outbox.discard()
        self.client.cut()
        self._lost(self.client)

    @property
    def numbered(self) -> bool:
        """Whether results are numbered and kept, for an app that can come back."""
        return self._tail is not None

    @property
    def may_return(self) -> bool:
        """Whether an app that is lost is waited for."""
        return self._tail is not None and self._patient and not self._over

    def _lost(self, client: Client) -> None:
        """A connection ended: wait for another, or it is over."""
        if client is not self.client or self._waiting is not None or self._over:
            return
        if not self.may_return or client.peer_code != LOST:
            self.gone()
            return
        assert self._nursery is not None
        self._outbox.discard()
        self._waiting = trio.CancelScope()
        self._nursery.start_soon(self._await_return, self._attached)

    async def _await_return(self, attached: trio.Event) -> None:
        assert self._waiting is not None
        with self._waiting as waiting:
            waiting.deadline = trio.current_time() + self.limits.resume_seconds
            await attached.wait()
        self._waiting = None
        if not attached.is_set():
            self._end()
            self.ending.give(self._excuse)
            self.gone()

    def _end(self) -> None:
        self._over = True
        self._left.set()
