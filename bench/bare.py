"""The relay to compare with: what one writes first, on stock Hypercorn and trio-websocket.

``python -m bench.bare ENGINE_URL`` prints ``{"port": …}``. Frames up, results parsed and put into
the client's words down; no account, no meter, no limit, no deadline.
"""

import json
import socket
import sys
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from quart import websocket
from quart_trio import QuartTrio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

__all__ = ["main"]


def create_app(engine_url: str) -> QuartTrio:
    """One route."""
    app = QuartTrio(__name__)
    query = "model=nova-3&encoding=linear16&sample_rate=16000&channels=1&interim_results=true"

    @app.websocket("/ws/transcribe")
    async def transcribe() -> None:
        await websocket.receive()
        headers = [(b"authorization", b"Token stand-in")]
        async with open_websocket_url(
            f"{engine_url}/v1/listen?{query}", extra_headers=headers
        ) as upstream:
            await websocket.send(json.dumps({"type": "ready", "engine": "deepgram"}))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(words_down, upstream)
                await audio_up(upstream)

    return app


async def audio_up(upstream: WebSocketConnection) -> None:
    """Pass audio on until the client says stop."""
    while True:
        message = await websocket.receive()
        if isinstance(message, bytes):
            await upstream.send_message(message)
        elif json.loads(message)["type"] == "stop":
            await upstream.send_message('{"type":"CloseStream"}')
            return


async def words_down(upstream: WebSocketConnection) -> None:
    """Pass results on until the engine closes."""
    try:
        while True:
            message = json.loads(await upstream.get_message())
            if message["type"] == "Results":
                await websocket.send(json.dumps(transcript(message)))
    except ConnectionClosed:
        pass


def transcript(message: dict[str, Any]) -> dict[str, Any]:
    """A result in the client's words."""
    best = message["channel"]["alternatives"][0]
    return {
        "type": "transcript",
        "text": best["transcript"],
        "is_final": message["is_final"],
        "confidence": best["confidence"],
        "start": message["start"],
        "duration": message["duration"],
        "speech_final": message["speech_final"],
        "words": [
            {key: word[key] for key in ("word", "start", "end", "confidence", "punctuated_word")}
            for word in best["words"]
        ],
    }


def main() -> None:
    """Serve as a process of its own, until killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = None
    config.loglevel = "ERROR"
    sys.stdout.write(json.dumps({"port": listener.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    trio.run(serve, create_app(sys.argv[1]), config)


if __name__ == "__main__":
    main()
