"""The stand-in is right only if Deepgram's own client understands all it says."""

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import trio
from deepgram import DeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types import (
    ListenV1Error,
    ListenV1Metadata,
    ListenV1Results,
    ListenV1SpeechStarted,
    ListenV1UtteranceEnd,
)
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.standin import Fault, Script, StandIn

pytestmark = [
    pytest.mark.system,
    # The SDK imports names that its WebSocket library is about to drop.
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
]

SECOND = b"\0\0" * 16_000


def sdk(port: int, key: str) -> DeepgramClient:
    """Deepgram's client, pointed at the stand-in."""
    base = f"http://127.0.0.1:{port}"
    ws = f"ws://127.0.0.1:{port}"
    environment = DeepgramClientEnvironment(base=base, production=ws, agent=ws, agent_rest=base)
    return DeepgramClient(api_key=key, environment=environment)


def stream(
    port: int, talk: Callable[[Any], None], key: str = "standin-key", **options: Any
) -> tuple[list[Any], list[BaseException]]:
    """Stream with the SDK's synchronous client; its messages and its errors."""
    messages: list[Any] = []
    errors: list[BaseException] = []
    wanted = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000} | options
    with sdk(port, key).listen.v1.connect(**wanted) as connection:
        connection.on(EventType.MESSAGE, messages.append)
        connection.on(EventType.ERROR, errors.append)
        listening = threading.Thread(target=connection.start_listening, daemon=True)
        listening.start()
        talk(connection)
        listening.join(10)
        assert not listening.is_alive()
    return messages, errors


async def with_stand_in(stand_in: StandIn, client: Callable[[int], Any]) -> Any:
    """Run a blocking client against the stand-in on a loopback socket."""
    async with trio.open_nursery() as nursery:
        port = await nursery.start(stand_in.serve, "127.0.0.1", 0)
        with trio.fail_after(30):
            result = await trio.to_thread.run_sync(client, port)
        nursery.cancel_scope.cancel()
    return result


def seven_seconds(connection: Any) -> None:
    """Speech, a pause, a keepalive, a finalize, a mistake, the end."""
    for _ in range(70):
        connection.send_media(SECOND[:3200])
    connection.send_keep_alive()
    connection.send_finalize()
    connection._websocket.send('{"type": "KeepAlive "}')
    connection.send_close_stream()


async def test_the_official_sdk_reads_every_message() -> None:
    """Results, SpeechStarted, UtteranceEnd, Error and Metadata all parse as their types."""
    messages, errors = await with_stand_in(
        StandIn(),
        lambda port: stream(
            port,
            seven_seconds,
            interim_results="true",
            vad_events="true",
            utterance_end_ms="1000",
        ),
    )
    assert errors == []
    kinds = {type(message) for message in messages}
    assert kinds == {
        ListenV1Results,
        ListenV1SpeechStarted,
        ListenV1UtteranceEnd,
        ListenV1Error,
        ListenV1Metadata,
    }
    assert isinstance(messages[-1], ListenV1Metadata)
    assert messages[-1].duration == pytest.approx(7.0)
    finals = [m for m in messages if isinstance(m, ListenV1Results) and m.is_final]
    words = " ".join(m.channel.alternatives[0].transcript for m in finals).split()
    assert words == [f"word-{n}" for n in range(10)]
    assert any(m.from_finalize for m in finals)


async def test_the_official_sdk_reads_several_channels() -> None:
    """With multichannel each channel has its own result for the same window."""
    messages, errors = await with_stand_in(
        StandIn(),
        lambda port: stream(port, seven_seconds, channels="2", multichannel="true"),
    )
    assert errors == []
    results = [m for m in messages if isinstance(m, ListenV1Results)]
    assert {tuple(m.channel_index) for m in results} == {(0, 2), (1, 2)}
    assert messages[-1].channels == 2


async def test_the_official_sdk_sees_a_timeout_as_deepgrams() -> None:
    """Metadata comes first, then 1011 with the text that names the rule."""
    script = Script(message_seconds=0.1)
    messages, errors = await with_stand_in(
        StandIn(scripts=[script]),
        lambda port: stream(port, lambda connection: connection.send_media(SECOND)),
    )
    assert isinstance(messages[-1], ListenV1Metadata)
    (error,) = errors
    assert isinstance(error, ConnectionClosedError)
    assert error.rcvd is not None
    assert error.rcvd.code == 1011
    assert "net0001" in error.rcvd.reason


async def test_the_official_sdk_sees_undecodable_audio() -> None:
    """1008 with DATA-0000."""
    script = Script(fault=Fault.CLOSE, after_ms=500, close_code=1008, close_reason="DATA-0000")
    _, errors = await with_stand_in(
        StandIn(scripts=[script]),
        lambda port: stream(port, lambda connection: connection.send_media(SECOND)),
    )
    (error,) = errors
    assert isinstance(error, ConnectionClosedError)
    assert error.rcvd is not None
    assert (error.rcvd.code, error.rcvd.reason) == (1008, "DATA-0000")


@pytest.mark.parametrize(
    ("key", "options", "status"),
    [
        ("wrong", {}, 401),
        ("standin-key", {"model": "no-such-model"}, 400),
        ("standin-key", {"encoding": "opus"}, 400),
    ],
)
async def test_the_official_sdk_is_refused_with_deepgrams_answer(
    key: str, options: dict[str, Any], status: int
) -> None:
    """The upgrade fails with the status, the header and the body of the real one."""

    def refused(port: int) -> InvalidStatus:
        with pytest.raises(InvalidStatus) as caught:
            stream(port, lambda _: None, key, **options)
        return caught.value

    error = await with_stand_in(StandIn(), refused)
    response = error.response
    assert response.status_code == status
    body = json.loads(response.body)
    assert body["err_msg"] == response.headers["dg-error"]
    assert body["request_id"] == response.headers["dg-request-id"]
    assert urlencode({"key": key}) not in str(body)
