"""Live words for apps of threads: a desktop program with a GUI loop, a script, a recorder.

    engine = RemoteTranscriptionEngine({"mode": "managed", "server_url": "https://…"}, show)
    engine.start()
    engine.send_audio(pcm)      # from any thread, as often as the app has sound
    engine.stop()

The network is worked in one thread, callbacks are called in another, so that a callback that
waits holds up no sound. Both are daemons: an app that forgets `stop` still ends.
"""

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

from relayd.client.errors import AudioError
from relayd.client.live.callbacks import Callbacks
from relayd.client.live.news import Problem, Standing, State
from relayd.client.live.settings import Settings
from relayd.client.live.sound import SAMPLE_RATE, Sound, level_of
from relayd.client.live.vault import SystemVault, Vault

__all__ = ["RemoteTranscriptionEngine"]

log = logging.getLogger(__name__)

# How long `stop` waits for the last words, in seconds.
STOP_SECONDS: Final = 5.0
# After that the connection is cut, which takes no time to speak of.
_CUT_SECONDS: Final = 2.0
_EXIT_SECONDS: Final = 0.5


class RemoteTranscriptionEngine:
    """Streams sound to whoever makes words of it, and calls back with them.

    ``config`` is a mapping or `Settings`; ``sample_rate`` and ``channels`` are those of the sound
    that the app gives. ``microphone``: True for the default one, or a name of
    `relayd.client.devices`; then the app need not send any.

    on_transcript_callback(text, is_final, transcript)   words; interim ones are replaced
    on_state(state, message)                             connecting, listening, reconnecting, ended
    on_balance(seconds, low)                             the credit left
    on_error(message, code)                              what went wrong, for people

    Each may take fewer of its arguments. They are called one after the other, in one thread that
    is neither the app's nor the network's; an exception in one is logged and changes nothing.
    Every method may be called from any thread, from a callback too.
    """

    def __init__(
        self,
        config: Settings | Mapping[str, Any],
        on_transcript_callback: Callable[..., object],
        *,
        on_state: Callable[..., object] | None = None,
        on_balance: Callable[..., object] | None = None,
        on_error: Callable[..., object] | None = None,
        sample_rate: int = SAMPLE_RATE,
        channels: int = 1,
        microphone: str | bool = False,
        vault: Vault | None = None,
    ) -> None:
        self.settings = Settings.of(config)
        self._callbacks = Callbacks(on_transcript_callback, on_state, on_balance, on_error)
        self._format = (sample_rate, channels)
        self._microphone = microphone
        self._vault = vault or SystemVault()
        self._lock = threading.Lock()
        self._run: _Run | None = None
        _engines.add(self)

    @property
    def state(self) -> State:
        """How it stands now."""
        run = self._run
        return State.ENDED if run is None else run.state

    @property
    def is_running(self) -> bool:
        """Whether sound is taken."""
        run = self._run
        return run is not None and run.is_running

    @property
    def level(self) -> float:
        """How loud the last block was, from 0 to 1: for a meter, asked as often as it is drawn."""
        run = self._run
        return 0.0 if run is None or not run.is_running else level_of(run.last_block)

    def start(self) -> None:
        """Begin to listen; returns at once, and does nothing while it runs.

        Raises `SettingsError` for settings that can't work, `AudioError` for a microphone that
        can't be opened. What goes wrong later is told to the callbacks.
        """
        with self._lock:
            if self.is_running:
                return
            self.settings.check()
            run = _Run(self.settings, self._vault, self._callbacks, Sound(*self._format))
            if self._microphone is not False:
                run.record("" if self._microphone is True else str(self._microphone))
            run.start()
            self._run = run

    def send_audio(self, pcm: Any) -> None:
        """Give a block of sound of any size; `relayd.client.live.sound` says in which forms.

        Never waits. What comes while the engine does not run is dropped. Raises `SoundError`.
        """
        run = self._run
        if run is not None:
            run.hear(pcm)

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """No more sound: wait for the last words, at most so many seconds, then hang up.

        Returns at once where nothing runs. Called from a callback, it does not wait.
        """
        with self._lock:
            run = self._run
        if run is not None:
            run.finish(timeout)

    def forget(self) -> None:
        """In a child of fork: it has none of the threads, and nothing to end."""
        self._lock = threading.Lock()
        self._run = None


class _Run:
    """One start of an engine, until its end."""

    def __init__(
        self, settings: Settings, vault: Vault, callbacks: Callbacks, sound: Sound
    ) -> None:
        # Trio is loaded when something is to be heard, not when the app starts.
        from relayd.client.live.tape import Tape  # noqa: PLC0415
        from relayd.client.live.worker import Worker  # noqa: PLC0415

        self._calls = callbacks.begin()
        self._tape = Tape()
        self._worker = Worker(settings, vault, self._tape, self._tell)
        self._sound = sound
        self._sound_lock = threading.Lock()
        self._recorder: Any = None
        self.state = State.CONNECTING
        self.last_block = b""

    @property
    def is_running(self) -> bool:
        """Whether it is not over."""
        return self.state is not State.ENDED

    def record(self, name: str) -> None:
        """Take the sound from a microphone."""
        from relayd.client.live.microphone import Recorder  # noqa: PLC0415 - optional

        self._recorder = Recorder.open(name, self.hear)
        self._sound = Sound(self._recorder.sample_rate)

    def start(self) -> None:
        """Begin."""
        self._calls.start()
        self._worker.start()
        _running.add(self)
        if self._recorder is not None:
            try:
                self._recorder.start()
            except AudioError:
                self.finish(0)
                raise

    def hear(self, block: Any) -> None:
        """Put a block on the tape."""
        if not self.is_running:
            return
        with self._sound_lock:
            pcm = self._sound.pcm(block)
        self.last_block = pcm
        self._tape.add(pcm)

    def finish(self, timeout: float) -> None:
        """End it, with its last words if they come in time."""
        self._stop_recording()
        with self._sound_lock:
            self._tape.add(self._sound.flush())
        self._tape.close()
        if self._calls.is_current:
            return  # The end comes by itself, after this callback.
        self._worker.join(timeout)
        self._worker.cut()
        self._worker.join(_CUT_SECONDS)
        self._calls.join(_CUT_SECONDS)

    def _stop_recording(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()

    def _tell(self, news: Any) -> None:
        if isinstance(news, Standing):
            if self.state is State.ENDED:
                return
            self.state = news.state
        elif isinstance(news, Problem):
            log.warning("%s", news.message)
        self._calls.tell(news)
        if self.state is State.ENDED:
            self._stop_recording()
            self._calls.end()
            _running.discard(self)


_engines: "weakref.WeakSet[RemoteTranscriptionEngine]" = weakref.WeakSet()
# Those that an app leaves running are hung up on when it exits, without waiting for words.
_running: "weakref.WeakSet[_Run]" = weakref.WeakSet()


@atexit.register
def _hang_up() -> None:
    for run in list(_running):
        run.finish(_EXIT_SECONDS)


def _forget_all() -> None:
    _running.clear()
    for engine in list(_engines):
        engine.forget()


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
