"""The relays that are measured: relayd, and others beside it.

relayd       a daemon with a database of its own, in one process
node-ws      `bench/peers/node`, on ws with bufferutil
websockets   `bench.peers.uvloop_relay`, on websockets and uvloop
none         the load speaks to the engine: what remains is the harness and the kernel
"""

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.books import Books
from bench.child import child, module
from bench.daemon import configuration, running
from bench.upstream import Upstream

__all__ = ["DIRECT", "NODE", "OURS", "RELAYS", "UVLOOP", "peer", "relay", "versions"]

OURS: Final = "relayd"
NODE: Final = "node-ws"
UVLOOP: Final = "websockets"
DIRECT: Final = "none"
RELAYS: Final = (OURS, NODE, UVLOOP, DIRECT)

_NODE_ROOM: Final = Path(__file__).parent / "peers" / "node"
_NODE_MODULES: Final = _NODE_ROOM / "node_modules"
_NODE_REMEDY: Final = (
    "is missing: install Node.js with npm and run `make bench`, or leave node-ws out with --relays"
)


@asynccontextmanager
async def relay(name: str, books: Books, engine: Upstream) -> AsyncIterator[tuple[int, int]]:
    """A relay while entered: its port and process."""
    if name == OURS:
        sections = configuration(books, engine.url, {})
        async with running(sections, engine.trusted) as daemon:
            yield daemon.port, daemon.pid
    else:
        async with peer(name, engine) as found:
            yield found


@asynccontextmanager
async def peer(name: str, engine: Upstream) -> AsyncIterator[tuple[int, int]]:
    """The same for one that has no books; no relay at all has no process either."""
    if name == DIRECT:
        yield engine.port, 0
    else:
        async with child([*_command(name), engine.url], engine.trusted) as one:
            yield (await one.hear())["port"], one.pid


def _command(name: str) -> list[str]:
    if name == UVLOOP:
        return module("bench.peers.uvloop_relay")
    return [_node(), str(_NODE_ROOM / "relay.js")]


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise SystemExit(f"node {_NODE_REMEDY}")
    if not _NODE_MODULES.is_dir():
        raise SystemExit(f"{_NODE_MODULES} {_NODE_REMEDY}")
    return node


def versions(names: Sequence[str]) -> str:
    """What the relays of these names are made of."""
    made_of = []
    if OURS in names:
        made_of.append(f"relayd {version('relayd')} on trio {version('trio')}")
    if NODE in names:
        command = [_node(), "--version"]
        node = subprocess.check_output(command, text=True)  # noqa: S603 - no input from outside
        packages = ", ".join(
            f"{one} {json.loads((_NODE_MODULES / one / 'package.json').read_text())['version']}"
            for one in ("ws", "bufferutil")
        )
        made_of.append(f"{packages} on Node {node.strip().removeprefix('v')}")
    if UVLOOP in names:
        made_of.append(f"websockets {version('websockets')} on uvloop {version('uvloop')}")
    return "; ".join(made_of)
