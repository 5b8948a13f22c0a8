"""One browser's stream of its credit, as server-sent events (WHATWG HTML, section 9.2).

    event: credit        at once, and whenever something changed, four times a second at most
    data: {"seconds_remaining": 61.5, "minutes_remaining": 1, "live": true, "sessions": 1,
           "frozen": false}

    : …                  every fifteen seconds, so that a dead connection shows

    event: ended         the sign-in was ended, or the daemon restarts
    data: {}

A stream ends by itself within a minute and the browser opens the next one, with a fresh token:
no sign-in outlives itself in a stream, and no connection is kept for who went away.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import attrs
import trio
from quart.wrappers.response import ResponseBody

from relayd.durations import seconds
from relayd.errors import DatabaseUnavailable
from relayd.events.credit import Credit
from relayd.events.hub import HubSubscription
from relayd.events.live import LiveCredit
from relayd.identity import Principal
from relayd.quotas.limits import Cap
from relayd.routes.toolkit.event_stream import (
    HEARTBEAT,
    HEARTBEAT_SECONDS,
    LASTING_SECONDS,
    event,
)
from relayd.routes.toolkit.forms import encode
from relayd.routes.views.billing.credits import CreditLeft, minutes

__all__ = ["CreditStream"]

BETWEEN_SECONDS: Final = 0.25

ENDED: Final = event("ended")


@attrs.define(eq=False)
class CreditStream(ResponseBody):
    """The body of one response. It is entered and left exactly once, and then unsubscribed.

    Nothing is queued: whoever reads slowly gets the newest state and none of those before it, and
    whoever doesn't read at all is cut off by the edge.
    """

    live: LiveCredit
    principal: Principal
    address: str
    _subscription: HubSubscription | None = None
    _places: Sequence[Cap] = ()
    _until: float = 0.0
    _over: bool = False
    _told_at: float = float("-inf")
    _told: Credit | None = None

    async def __aenter__(self) -> Self:
        self._until = trio.current_time() + LASTING_SECONDS
        places = self.live.places(self.principal.user_id, self.address)
        if await self.live.quotas.enter(places) is None:
            self._places = places
            self._subscription = self.live.hub.subscribe(self.principal)
        # Somebody took the last place since the view looked, or the daemon drains.
        self._over = self._subscription is None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._subscription is not None:
            self.live.hub.unsubscribe(self._subscription)
        self.live.quotas.leave(self._places)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next piece, waited for."""
        while self._subscription and not self._over and trio.current_time() < self._until:
            piece = await self._next(self._subscription)
            if piece is not None:
                return piece
        raise StopAsyncIteration

    async def _next(self, subscription: HubSubscription) -> bytes | None:
        """What there is to say within a heartbeat; None where that is nothing."""
        beat_at = trio.current_time() + HEARTBEAT_SECONDS
        with trio.move_on_at(min(beat_at, self._until)):
            await subscription.wait()
        if subscription.ended:
            self._over = True
            return ENDED
        if subscription.changed:
            await trio.sleep_until(self._told_at + BETWEEN_SECONDS)
            # Taken before reading: what changes during it is another change.
            subscription.changed = False
            return await self._credit()
        # While nobody tells us of changes, look instead of waiting.
        subscription.changed = not self.live.hub.told
        return HEARTBEAT if trio.current_time() < self._until else None

    async def _credit(self) -> bytes | None:
        reader = self.live.reader
        ask = reader.watch if self._told is None else reader.read
        try:
            credit = await ask(self.principal.user_id)
        except DatabaseUnavailable:
            # The browser comes again and is told then.
            credit = None
        if credit is None:
            self._over = True
            return None
        if credit == self._told:
            return None
        self._told, self._told_at = credit, trio.current_time()
        return event("credit", encode(said(credit)))


class CreditNow(CreditLeft):
    """What is left, whether somebody talks just now and how many, and whether it is frozen."""

    live: bool
    sessions: int
    frozen: bool


def said(credit: Credit) -> CreditNow:
    """As the other routes say credit, and more."""
    return CreditNow(
        seconds_remaining=seconds(credit.balance_ms),
        minutes_remaining=minutes(credit.balance_ms),
        live=credit.sessions > 0,
        sessions=credit.sessions,
        frozen=credit.frozen,
    )
