"""How `relayd reload` reaches the daemon that runs: a socket that only its own user may use.

Linux only: the name is in the kernel's abstract name space, found by where the daemon listens and
keeps its data, and goes with the process. Elsewhere there is SIGHUP.
"""

import hashlib
import os
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from relayd import logs
from relayd.config import Config
from relayd.errors import OperatorError

__all__ = ["ask_reload", "run_control"]

log = logs.get(__name__)

_REQUEST: Final = b"reload\n"
_ANSWER_BYTES_MAX: Final = 4096
# A process that is replaced starts within a minute; a machine may have many of them.
_PATIENCE_SECONDS: Final = 600.0
# struct ucred: process, user and group.
_CREDENTIALS: Final = struct.Struct("3i")


def _name(config: Config) -> str:
    """By what no two daemons of a machine have in common."""
    place = (*config.server.listen, str(config.database.data_directory.resolve()))
    return f"\0relayd-{hashlib.sha256(chr(10).join(place).encode()).hexdigest()[:16]}"


def _user_of(sock: trio.socket.SocketType | socket.socket) -> int:
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(raw)[1]
    return user


async def run_control(config: Config, reload: Callable[[], Awaitable[str]]) -> None:
    """Answer requests to reload, one after the other, until cancelled."""
    if sys.platform != "linux":
        return
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            await listener.bind(_name(config))
        except OSError as problem:
            log.warning("`relayd reload` will not find this daemon", problem=problem)
            return
        listener.listen()
        while True:
            asker, _ = await listener.accept()
            with asker:
                await _answer(asker, reload)


async def _answer(asker: trio.socket.SocketType, reload: Callable[[], Awaitable[str]]) -> None:
    if _user_of(asker) not in {0, os.getuid()}:
        log.warning("a reload asked for by another user was refused", user=_user_of(asker))
        return
    try:
        with trio.move_on_after(1):
            if await asker.recv(len(_REQUEST)) != _REQUEST:
                return
        try:
            answer = f"ok {await reload()}"
        except OperatorError as problem:
            log.warning("not reloaded", problem=str(problem))
            answer = f"no {problem}"
        await asker.send(answer.encode()[:_ANSWER_BYTES_MAX])
    except OSError as problem:
        log.info("whoever asked for a reload left", problem=problem)


def ask_reload(config: Config) -> str:
    """Have the daemon of this configuration reload; what runs then. Raises `OperatorError`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_PATIENCE_SECONDS)
        try:
            sock.connect(_name(config))
            if _user_of(sock) not in {0, os.getuid()} and os.getuid() != 0:
                raise OperatorError("the daemon runs as another user; ask as that one, or as root")
            sock.sendall(_REQUEST)
            answer = sock.recv(_ANSWER_BYTES_MAX).decode()
        except ConnectionRefusedError as problem:
            raise OperatorError(
                "no daemon with several processes runs on this configuration: start one with "
                "`relayd serve` and server.processes of 2 or more"
            ) from problem
        except OSError as problem:
            raise OperatorError(f"the daemon did not answer: {problem}") from problem
    verdict, _, told = answer.partition(" ")
    if verdict != "ok":
        raise OperatorError(told or "the daemon refused; see its log")
    return told
