"""The same words for programs of Trio and of asyncio."""

import threading

import anyio
import pytest

import relayd.client
from relayd.client import MemoryVault, RefusedError, SettingsError
from tests.client.live.conftest import Listening, sound


async def listen(listening: Listening) -> list[str]:
    """Half a second, and its final words."""
    async with relayd.client.stream(listening.config, vault=MemoryVault()) as words:
        words.send_audio(sound(0.8))
        words.stop()
        finals = [one.text async for one in words if one.is_final and one.text]
        assert words.ended is not None
        assert words.ended.code == "completed"
        return " ".join(finals).split()


@pytest.mark.parametrize("backend", ["trio", "asyncio"])
def test_the_same_words_in_either_loop(listening: Listening, backend: str) -> None:
    """One core serves both: the words are the same, and the iteration ends by itself."""
    assert anyio.run(listen, listening, backend=backend) == [f"word-{n}" for n in range(8)]


async def leave(listening: Listening) -> None:
    """Look in and leave in the middle, by an exception of one's own."""
    async with relayd.client.stream(listening.config, vault=MemoryVault()) as words:
        words.send_audio(sound(0.4))
        async for _ in words:
            raise KeyError("the app's own")


@pytest.mark.parametrize("backend", ["trio", "asyncio"])
def test_leaving_in_the_middle_hangs_up(listening: Listening, backend: str) -> None:
    """The app's own exception comes out as it is, and nothing is left open."""
    with pytest.raises(KeyError, match="the app's own"):
        anyio.run(leave, listening, backend=backend)
    assert 0 < listening.stand_in.records[0].audio_bytes <= len(sound(0.4))
    assert not [one for one in threading.enumerate() if one.name == "relayd-client"]


async def knock(listening: Listening) -> None:
    """With a wrong key."""
    config = listening.config | {"byok_api_key": "wrong"}
    async with relayd.client.stream(config, vault=MemoryVault()) as words:
        async for _ in words:
            pytest.fail("there are none")


@pytest.mark.parametrize("backend", ["trio", "asyncio"])
def test_a_refusal_is_raised_where_words_are_awaited(listening: Listening, backend: str) -> None:
    """A wrong key raises `RefusedError` with the protocol's code and words for people."""
    with pytest.raises(RefusedError, match="doesn't know this key") as caught:
        anyio.run(knock, listening, backend=backend)
    assert caught.value.code == "auth_failed"


async def test_settings_are_judged_before_anything_runs() -> None:
    """What can't work is refused by name."""
    with pytest.raises(SettingsError, match="server_url"):
        async with relayd.client.stream({"mode": "managed"}):
            pytest.fail("not opened")
