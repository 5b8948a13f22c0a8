"""A relay on websockets and uvloop: ``python -m bench.peers.uvloop_relay ENGINE_URL``."""

import asyncio
import json
import ssl
import sys
from typing import Final

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

__all__ = ["main"]

_QUERY: Final = "model=nova-3&encoding=linear16&sample_rate=16000&channels=1&interim_results=true"
_HEADERS: Final = {"Authorization": "Token standin-key"}


async def relay(engine_url: str) -> None:
    """Serve until killed."""
    engine = f"{engine_url}/v1/listen?{_QUERY}"
    # One for all connections: each would else read the system's certificates anew.
    context = ssl.create_default_context() if engine_url.startswith("wss:") else None

    async def converse(client: ServerConnection) -> None:
        hello = json.loads(await client.recv())
        if hello["type"] != "auth" or not hello["token"]:
            await client.close(4401, "unauthorized")
            return
        async with (
            connect(engine, ssl=context, additional_headers=_HEADERS, compression=None) as upstream,
            asyncio.TaskGroup() as tasks,
        ):
            await client.send('{"type":"ready"}')
            audio = tasks.create_task(audio_up(client, upstream))
            await words_down(upstream, client)
            audio.cancel()

    async with serve(converse, "127.0.0.1", 0, compression=None, backlog=1024) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stdout.write(json.dumps({"port": port}) + "\n")
        sys.stdout.flush()
        await server.serve_forever()


async def audio_up(client: ServerConnection, upstream: ClientConnection) -> None:
    """Pass audio on; a client that leaves ends the stream."""
    async for message in client:
        if isinstance(message, bytes):
            await upstream.send(message)
        elif json.loads(message)["type"] == "stop":
            await upstream.send('{"type":"CloseStream"}')
    await upstream.close()


async def words_down(upstream: ClientConnection, client: ServerConnection) -> None:
    """Pass results on until the engine closes."""
    async for message in upstream:
        await client.send(message)


def main() -> None:
    """Serve as a process of its own."""
    uvloop.run(relay(sys.argv[1]))


if __name__ == "__main__":
    main()
