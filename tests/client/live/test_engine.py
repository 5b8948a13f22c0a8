"""The engine for apps of threads, against a stand-in on a real socket."""

import logging
import os
import subprocess
import sys
import threading
import wave
from array import array
from importlib import resources
from typing import Any

import attrs
import numpy as np
import pytest

from relayd.client import MemoryVault, RemoteTranscriptionEngine, SettingsError, SoundError, State
from tests.client.live.conftest import Listening, sound
from tests.client.live.microphones import Microphone

WAIT = 10


@attrs.define(eq=False)
class Ears:
    """Callbacks that keep what they were called with."""

    words: list[str] = attrs.field(factory=list)
    states: list[State] = attrs.field(factory=list)
    errors: list[str] = attrs.field(factory=list)
    threads: set[int] = attrs.field(factory=set)
    ended: threading.Event = attrs.field(factory=threading.Event)
    listening: threading.Event = attrs.field(factory=threading.Event)

    def hear(self, text: str, is_final: bool, transcript: Any) -> None:
        """Words."""
        self.threads.add(threading.get_ident())
        assert transcript.text == text
        if is_final and text:
            self.words += text.split()

    def stand(self, state: State) -> None:
        """A state, without its message."""
        self.threads.add(threading.get_ident())
        self.states.append(state)
        if state is State.LISTENING:
            self.listening.set()
        if state is State.ENDED:
            self.ended.set()

    def err(self, message: str, code: str) -> None:
        """What went wrong."""
        self.errors.append(code)

    def engine(self, config: Any, **more: Any) -> RemoteTranscriptionEngine:
        """An engine that calls back here."""
        return RemoteTranscriptionEngine(
            config, self.hear, on_state=self.stand, on_error=self.err, **more
        )


def ours() -> list[str]:
    """The names of the engine's threads that are there."""
    names = [one.name for one in threading.enumerate()]
    return [one for one in names if one in {"relayd-client", "relayd-callbacks"}]


def test_words_are_called_back(listening: Listening) -> None:
    """An app of the first version's form hears its words, in one thread that is not its own."""
    ears = Ears()
    engine = ears.engine(listening.config)
    engine.start()
    for _ in range(10):
        engine.send_audio(sound(0.064))
    engine.stop()
    assert ears.words == [f"word-{n}" for n in range(6)]
    assert ears.states == [State.CONNECTING, State.LISTENING, State.ENDED]
    assert len(ears.threads) == 1
    assert ears.threads != {threading.get_ident()}
    assert ours() == []


def test_it_starts_again(listening: Listening) -> None:
    """Start and stop may be said twice; after a stop it can be started anew."""
    ears = Ears()
    engine = ears.engine(listening.config)
    engine.stop()
    for _ in range(2):
        engine.start()
        engine.start()
        assert len(ours()) == 2
        engine.stop()
        engine.stop()
        engine.send_audio(sound(0.1))
    assert ears.states.count(State.ENDED) == 2
    assert len(listening.stand_in.records) == 2


def test_an_exception_in_a_callback_changes_nothing(
    listening: Listening, caplog: pytest.LogCaptureFixture, declared_errors: Any
) -> None:
    """It is logged with its traceback, and the next words come."""
    heard: list[str] = []

    def fail(text: str) -> None:
        heard.append(text)
        raise RuntimeError("the app's own")

    engine = RemoteTranscriptionEngine(listening.config, fail)
    with caplog.at_level(logging.ERROR):
        engine.start()
        engine.send_audio(sound(0.9))
        engine.stop()
    assert len(heard) > 1
    assert caplog.records[0].getMessage() == "a callback of the app failed"
    declared_errors.expect_any("a callback of the app failed")


def test_a_callback_may_stop_it(listening: Listening) -> None:
    """Stopping in a callback does not wait for itself, and the last words still come."""
    ears = Ears()

    def stop(text: str, is_final: bool) -> None:
        ears.words.append(text)
        engine.stop()

    engine = RemoteTranscriptionEngine(listening.config, stop, on_state=ears.stand)
    engine.start()
    engine.send_audio(sound(0.5))
    assert ears.ended.wait(WAIT)
    engine.stop()
    assert ears.words
    assert ours() == []


def test_a_callback_that_waits_holds_up_no_sound(listening: Listening) -> None:
    """Sound goes out and words come in while a callback is busy."""
    busy, go_on = threading.Event(), threading.Event()
    heard: list[str] = []

    def wait(text: str, is_final: bool) -> None:
        busy.set()
        assert go_on.wait(WAIT)
        if is_final:
            heard.append(text)

    engine = RemoteTranscriptionEngine(listening.config, wait)
    engine.start()
    engine.send_audio(sound(0.2))
    assert busy.wait(WAIT)
    engine.send_audio(sound(0.6))
    threading.Timer(0.05, go_on.set).start()
    engine.stop()
    assert len(" ".join(heard).split()) == 8
    assert listening.stand_in.records[0].audio_bytes == len(sound(0.8))


SPOKEN = np.zeros(1024, dtype="float32")


@pytest.mark.parametrize(
    "block",
    [
        SPOKEN,
        SPOKEN.astype("int16"),
        bytes(2048),
        bytearray(2048),
        memoryview(bytes(2048)),
        array("h", bytes(2048)),
        SPOKEN.reshape(-1, 1),
    ],
    ids=["float32", "int16", "bytes", "bytearray", "memoryview", "array", "column"],
)
def test_blocks_of_any_form_are_taken(listening: Listening, block: Any) -> None:
    """1,024 samples are 64 ms, in whatever form an app has them."""
    engine = RemoteTranscriptionEngine(listening.config, print)
    engine.start()
    engine.send_audio(block)
    engine.stop()
    assert listening.stand_in.records[0].audio_bytes == 2048


def test_a_block_that_is_none_is_refused(listening: Listening) -> None:
    """A list of numbers is no block: the error says what would be, and the engine goes on."""
    engine = RemoteTranscriptionEngine(listening.config, print)
    engine.start()
    with pytest.raises(SoundError, match="not list"):
        engine.send_audio([1, 2, 3])
    engine.stop()


def test_settings_that_cannot_work_are_refused_at_once() -> None:
    """A missing address is an error of `start`, by name, and nothing runs."""
    engine = RemoteTranscriptionEngine({"mode": "managed"}, print)
    with pytest.raises(SettingsError, match="server_url"):
        engine.start()
    assert not engine.is_running
    assert ours() == []


def test_the_key_of_the_keyring_is_used(listening: Listening) -> None:
    """An app whose file was cleaned gives no key; without one anywhere it says so."""
    ears, config = Ears(), listening.config
    key = config.pop("byok_api_key")
    engine = ears.engine(config, vault=MemoryVault({"byok_api_key": key}))
    engine.start()
    engine.send_audio(sound(0.5))
    engine.stop()
    assert ears.words
    engine = ears.engine(config, vault=MemoryVault())
    ears.ended.clear()
    engine.start()
    assert ears.ended.wait(WAIT)
    assert ears.errors == ["auth_failed"]


def test_nobody_listens() -> None:
    """Stopping while the server can't be reached ends the attempts, and says so."""
    ears = Ears()
    config = {"mode": "byok", "byok_api_key": "k", "deepgram_url": "http://127.0.0.1:9"}
    engine = ears.engine(config)
    engine.start()
    engine.stop(timeout=0.2)
    assert ears.states[-1] is State.ENDED
    assert ours() == []


def test_a_child_of_fork_has_nothing_to_end(listening: Listening) -> None:
    """In a forked child the engine isn't running, and stopping it returns."""
    engine = Ears().engine(listening.config)
    engine.start()
    child = os.fork()
    if child == 0:
        engine.stop()
        os._exit(1 if engine.is_running else 0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert engine.is_running
    engine.stop()


def test_an_app_that_forgets_to_stop_ends(listening: Listening) -> None:
    """The interpreter's exit never waits for an engine."""
    program = (
        "from relayd.client import RemoteTranscriptionEngine\n"
        f"engine = RemoteTranscriptionEngine({listening.config!r}, print)\n"
        "engine.start()\n"
        "engine.send_audio(bytes(3200))\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], capture_output=True, timeout=WAIT, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_level_is_that_of_the_last_block(listening: Listening) -> None:
    """A meter shows 1 for full scale, 0 for silence and for an engine that doesn't run."""
    engine = Ears().engine(listening.config)
    assert engine.level == 0
    engine.start()
    engine.send_audio(np.ones(160, dtype="float32"))
    loud = engine.level
    engine.send_audio(bytes(320))
    assert loud == pytest.approx(1)
    assert engine.level == 0
    engine.stop()


@pytest.mark.parametrize("rates", [{16_000}, {48_000}])
def test_sound_may_come_from_the_microphone(
    listening: Listening, rates: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine opens it, takes the rate that it has, and closes it at the end."""
    device = Microphone(rates)
    monkeypatch.setattr("relayd.client.live.microphone.sounddevice_here", lambda: device)
    engine = Ears().engine(listening.config, microphone=True)
    engine.start()
    engine.stop()
    assert device.stream.closed
    heard = listening.stand_in.records[0].audio_bytes
    assert heard == pytest.approx(len(sound(8 * 0.064)), abs=40)


def test_this_machine_may_hear_by_itself() -> None:
    """A local engine needs no server: the spoken demonstration comes back as words."""
    with wave.open(str(resources.files("relayd.demo") / "recording.wav")) as file:
        spoken = file.readframes(file.getframerate() * 5 // 2)
    ears = Ears()
    engine = ears.engine({"mode": "local"})
    engine.start()
    engine.send_audio(spoken)
    engine.stop(timeout=60)
    assert ears.states[-1] is State.ENDED
    assert ears.errors == []
    assert len(ears.words) > 3
