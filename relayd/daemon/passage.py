"""The way back to a session that another process of this machine holds.

An app that comes back is accepted by whichever process is free. Its resume token names the one that
holds its session: that one is asked over a socket that only the daemon's own user may use, and from
then on messages pass between the app's connection and a WebSocket on that socket. The connection
itself can't be handed over: where TLS is spoken, its state can't leave the process.

Linux only: the sockets' names are in the kernel's abstract name space, and go with their process.
Elsewhere, and where the process is gone, a new session is opened.
"""

import os
import socket
import struct
import sys
from typing import Final
from uuid import UUID

import attrs
import msgspec
import trio

from relayd import logs
from relayd.edge.websocket import ClientSocket, SocketTerms
from relayd.errors import ClientGone
from relayd.identity import Principal
from relayd.session.continuing import session_named
from relayd.session.dialect import Resume
from relayd.session.ports import Client
from relayd.session.registry import Sessions
from relayd.session.session import Session
from relayd.websocket import streams
from relayd.websocket.connection import WebSocket
from relayd.websocket.farewell import Cause, WebSocketClosed
from relayd.websocket.frames import ABNORMAL, NO_STATUS, NORMAL
from relayd.websocket.role import Role

__all__ = ["Passage"]

log = logs.get(__name__)

# struct ucred: process, user and group.
_CREDENTIALS: Final = struct.Struct("3i")
_LINE_BYTES: Final = 1024
_ANSWER_SECONDS: Final = 5.0
_BACKLOG: Final = 128


class _Ask(msgspec.Struct, frozen=True):
    """One line: whose session is wanted, and how far its results came."""

    session: UUID
    user: UUID
    received: int
    address: str


@attrs.define(eq=False)
class Passage:
    """One process's end of it: `run` serves the others, `take` asks them."""

    # This process, as tokens name it.
    place: str
    sessions: Sessions
    terms: SocketTerms

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Let in whoever other processes bring, until cancelled."""
        if sys.platform != "linux":
            task_status.started()
            return
        with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            try:
                await listener.bind(_name(self.place))
            except OSError as problem:
                log.warning("apps that come back to other processes begin anew", problem=problem)
                task_status.started()
                return
            listener.listen(_BACKLOG)
            task_status.started()
            async with trio.open_nursery() as nursery:
                while True:
                    asker, _ = await listener.accept()
                    nursery.start_soon(self._serve, trio.SocketStream(asker))

    async def _serve(self, stream: trio.SocketStream) -> None:
        try:
            await self._let_in(stream)
        except (*streams.LOST, msgspec.DecodeError) as problem:
            log.debug("nobody was let in", problem=problem)
        except Exception:
            log.exception("connection failed")
        finally:
            streams.cut(stream)

    async def _let_in(self, stream: trio.SocketStream) -> None:
        if _user_of(stream) not in {0, os.getuid()}:
            log.warning("another user's process was refused", user=_user_of(stream))
            return
        with trio.fail_after(_ANSWER_SECONDS):
            line, early = await _read_line(stream)
            ask = msgspec.json.decode(line, type=_Ask)
            host = await self.sessions.ready_for(ask.session, ask.user, ask.received)
            await stream.send_all(b"no\n" if host is None else b"yes\n")
        if host is not None:
            client = ClientSocket(stream, ask.address, self.terms, early)
            client.start()
            left = host.line.attach(client, ask.received)
            if left is not None:
                await left.wait()
            await client.conclude()

    async def take(self, visitor: Session, principal: Principal, resume: Resume) -> None:
        """Bring a visitor to the process that its token names; see `Session.go_back`."""
        session_id, place = session_named(resume.token), resume.token.partition(".")[0]
        if session_id is None or place == self.place or sys.platform != "linux":
            await trio.lowlevel.checkpoint()
            return
        ask = _Ask(session_id, principal.user_id, resume.received, visitor.address)
        try:
            stream = await _open(place)
        except OSError:
            # It is gone, and its session with it.
            return
        try:
            early = await _ask(stream, ask)
            if early is not None:
                visitor.went_back = True
                await self._join(visitor.client, stream, early)
        except (*streams.LOST, trio.TooSlowError) as problem:
            log.debug("no way back", problem=problem)
        finally:
            streams.cut(stream)

    async def _join(self, client: Client, stream: trio.SocketStream, early: bytes) -> None:
        """Carry messages both ways until one side ends, and end the other alike."""
        terms = self.terms
        inner = WebSocket(stream, Role.CLIENT, terms.pump, terms.bounds, terms.timeouts, early)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_carry_up, client, inner, nursery.cancel_scope)
                await _carry_down(inner, client)
                nursery.cancel_scope.cancel(reason="the session has left it")
        finally:
            code = client.peer_code
            if code is not None and code != ABNORMAL:
                with trio.move_on_after(terms.timeouts.close_seconds, shield=True):
                    await inner.close(NORMAL if code == NO_STATUS else code)
            inner.release(reset=True)


async def _carry_up(client: Client, inner: WebSocket, both: trio.CancelScope) -> None:
    try:
        while True:
            message = await client.receive(inner.send_at_once)
            await inner.send(message)
    except (ClientGone, WebSocketClosed):
        both.cancel(reason="one side has ended")


async def _carry_down(inner: WebSocket, client: Client) -> None:
    def pass_down(message: str | bytes) -> bool:
        return isinstance(message, str) and client.send_at_once(message)

    try:
        while True:
            message = await inner.receive(pass_down)
            if isinstance(message, str):
                await client.send(message)
    except ClientGone:
        return
    except WebSocketClosed:
        farewell = inner.farewell
    if farewell is not None and farewell.cause is Cause.CLOSED:
        await client.close(farewell.code, farewell.reason)
    else:
        client.cut()


async def _ask(stream: trio.SocketStream, ask: _Ask) -> bytes | None:
    """What came behind the answer, where that is yes."""
    with trio.fail_after(_ANSWER_SECONDS):
        await stream.send_all(msgspec.json.encode(ask) + b"\n")
        answer, early = await _read_line(stream)
    return early if answer == b"yes" else None


async def _read_line(stream: trio.SocketStream) -> tuple[bytes, bytes]:
    """A line, and what came behind it. Raises `trio.BrokenResourceError` where there is none."""
    read = b""
    while b"\n" not in read:
        data = await stream.receive_some(_LINE_BYTES)
        read += data
        if not data or len(read) > _LINE_BYTES:
            raise trio.BrokenResourceError("no line came")
    line, _, early = read.partition(b"\n")
    return line, early


def _name(place: str) -> str:
    return f"\0relayd-place-{place}"


async def _open(place: str) -> trio.SocketStream:
    ours = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connected = False
    try:
        await ours.connect(_name(place[:64]))
        connected = True
    finally:
        if not connected:
            ours.close()
    return trio.SocketStream(ours)


def _user_of(stream: trio.SocketStream) -> int:
    raw = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    assert isinstance(raw, bytes)
    user: int = _CREDENTIALS.unpack(raw)[1]
    return user
