"""Opening a WebSocket from the app's end, and closing it whatever happens.

`open_link` owns every task and the socket of one connection. What leaves it is one exception of
`relayd.client.errors`, or the caller's own as it is: never a group.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NoReturn, cast

import attrs
import trio
import trio_websocket

from relayd.client.errors import ClientError, ConnectError, DisconnectedError
from relayd.client.link import Deadlines, Link
from relayd.client.transport import Address, Connect, Watched, connect_within

if sys.version_info < (3, 11):
    from exceptiongroup import (
        BaseExceptionGroup,
        ExceptionGroup,
    )

__all__ = ["Route", "Turned", "open_link"]

Turned = trio_websocket.ConnectionRejected


@attrs.frozen
class Route:
    """What is called: a server, a target there (path and query), further headers.

    ``refused`` explains an upgrade that was answered with another status than 101; without it,
    whoever answers so is none of ours.
    """

    address: Address
    target: str
    headers: tuple[tuple[bytes, bytes], ...] = attrs.field(default=(), repr=False)
    refused: Callable[[Turned], ClientError] | None = None

    def explain(self, turned: Turned) -> ClientError:
        """Why there is no WebSocket at that address."""
        if self.refused is not None:
            return self.refused(turned)
        path = self.target.partition("?")[0]
        return ConnectError(
            f"{self.address}: answers, but not as relayd does "
            f"(HTTP status {turned.status_code} for {path})"
        )


@asynccontextmanager
async def open_link(route: Route, deadlines: Deadlines, connect: Connect) -> AsyncIterator[Link]:
    """Connect and shake hands. Leaving closes the connection, politely where nothing went wrong.

    Raises `ConnectError`, `DisconnectedError`, or what ``route.refused`` makes of a refusal.
    """
    transport = Watched(await connect_within(deadlines.connect_seconds, connect, route.address))
    failure: BaseException | None = None
    left = False
    try:
        async with trio.open_nursery() as nursery:
            try:
                connection = await _upgrade(nursery, transport, route, deadlines)
                link = Link(connection, deadlines)
                nursery.start_soon(link.cut_when_broken, transport)
                nursery.start_soon(link.limit_sends)
                nursery.start_soon(link.watch)
                nursery.start_soon(link.enforce_end)
                yield link
                left = True
                await link.hang_up()
            except BaseException as error:
                failure = error
                raise
            finally:
                with trio.move_on_after(deadlines.close_seconds, shield=True):
                    await trio.aclose_forcefully(transport)
                nursery.cancel_scope.cancel(reason="the stream was left")
    except BaseExceptionGroup as group:
        if left and isinstance(group, ExceptionGroup):
            # A ping that crosses our closing handshake upsets the library's reader, and the
            # app has what it wanted.
            return
        _raise(_plain(group, failure, route))


async def _upgrade(
    nursery: trio.Nursery, transport: Watched, route: Route, deadlines: Deadlines
) -> trio_websocket.WebSocketConnection:
    """The WebSocket handshake. The library waits for ever on a peer that hangs up: we don't."""
    address = route.address
    opening = trio.CancelScope(deadline=trio.current_time() + deadlines.connect_seconds)

    async def give_up_with_peer() -> None:
        await transport.ended.wait()
        opening.cancel(reason="the peer hung up")

    nursery.start_soon(give_up_with_peer)
    with opening:
        return await trio_websocket.wrap_client_stream(
            # Its annotation names sockets; any byte stream will do.
            nursery,
            cast("trio.SocketStream", transport),
            address.authority,
            route.target,
            extra_headers=list(route.headers),
        )
    if transport.ended.is_set():
        raise ConnectError(f"{address}: the connection was closed during the WebSocket handshake")
    raise ConnectError(f"{address}: no WebSocket handshake within {deadlines.connect_seconds:g} s")


def _plain(
    group: BaseExceptionGroup[BaseException], failure: BaseException | None, route: Route
) -> BaseException:
    """The one exception that matters in a nursery's group: the block's own, else the reader's."""
    if failure is not None and not isinstance(failure, trio.Cancelled):
        return failure
    others = [error for error in group.exceptions if not isinstance(error, trio.Cancelled)]
    if not others:
        return failure or group
    plain: BaseException
    match others[0]:
        case trio_websocket.ConnectionRejected() as turned:
            plain = route.explain(turned)
        case Exception() as error:
            plain = DisconnectedError(f"the connection failed: {error!r}")
        case error:
            return error
    plain.__cause__ = others[0]
    return plain


def _raise(error: BaseException) -> NoReturn:
    """Raise without making the group that holds ``error`` its context: that would be a cycle."""
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context
        del error, context
