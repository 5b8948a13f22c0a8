"""The captioning window, with an engine that says what it is told to say."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from pytestqt.qtbot import QtBot

from relayd.client import (
    AudioError,
    Device,
    MemoryVault,
    Mode,
    RemoteTranscriptionEngine,
    Settings,
    State,
)
from relayd.desktop.remembered import Remembered
from relayd.desktop.window import CaptionWindow
from tests.client.live.conftest import Listening
from tests.client.live.microphones import Microphone
from tests.desktop.test_captions import said

WORDS = "The relay passes sound on. Words come back while somebody speaks."


@attrs.define(eq=False)
class Engine:
    """An engine of the window's."""

    settings: Settings
    hear: Callable[..., object]
    on_state: Callable[..., object]
    on_balance: Callable[..., object]
    on_error: Callable[..., object]
    microphone: bool | str
    vault: Any
    is_running: bool = False
    level: float = 0.5
    fails: bool = False

    def start(self) -> None:
        """Listen."""
        if self.settings.language == "fails":
            raise AudioError("there is no microphone on this computer")
        self.is_running = True
        self.on_state(State.CONNECTING, "")
        self.on_state(State.LISTENING, "")
        self.on_balance(754.0, False)

    def stop(self) -> None:
        """Say the last words."""
        self.is_running = False
        self.on_state(State.ENDED, "Finished.")

    def say(self, text: str, *, final: bool = True) -> None:
        """Words."""
        heard = said(text, 0, final=final)
        self.hear(heard.text, heard.is_final, heard)


@attrs.define(eq=False)
class Stage:
    """A window and the engine that it made last."""

    window: CaptionWindow
    engines: list[Engine]

    @property
    def engine(self) -> Engine:
        """The last one."""
        return self.engines[-1]


@pytest.fixture(autouse=True)
def microphones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two, whatever this machine has."""
    found = [Device("Built-in", 48_000, is_default=True), Device("Headset", 16_000)]
    monkeypatch.setattr("relayd.desktop.window.devices", lambda: found)


@pytest.fixture
def stage(qtbot: QtBot, kept: Path) -> Stage:
    """A window that is shown."""
    from PySide6.QtCore import QSettings  # noqa: PLC0415 - after the platform is set

    engines: list[Engine] = []

    def make(settings: Settings, hear: Callable[..., object], **more: Any) -> Any:
        engines.append(Engine(settings, hear, **more))
        return engines[-1]

    store = QSettings(str(kept), QSettings.Format.IniFormat)
    remembered = Remembered(store)
    remembered.keep(Settings(Mode.LOCAL))
    window = CaptionWindow(remembered, MemoryVault(), make)
    qtbot.addWidget(window)
    window.resize(960, 540)
    window.show()
    return Stage(window, engines)


def test_words_are_shown_as_they_come(qtbot: QtBot, stage: Stage) -> None:
    """From Start to Stop: the state, interim words, final ones, the minutes."""
    window = stage.window
    window.toggle.trigger()
    qtbot.waitUntil(lambda: window.toggle.text() == "&Stop" and window.toggle.isEnabled())
    assert window.state.text() == "Listening."
    assert window.balance.text() == "12.6 min"
    stage.engine.say("The relay passes", final=False)
    assert window.interim.text() == "The relay passes"
    stage.engine.say(WORDS)
    assert window.interim.text() == ""
    assert window.text.toPlainText().strip() == WORDS
    qtbot.waitUntil(lambda: window.meter.value() == 50)
    window.toggle.trigger()
    qtbot.waitUntil(lambda: window.toggle.text() == "&Start")
    assert window.meter.value() == 0
    assert window.state.text() == "Finished."


def test_the_microphone_can_be_chosen(qtbot: QtBot, stage: Stage) -> None:
    """Those that there are, and first of all the one that the system would take."""
    box = stage.window.microphone
    qtbot.waitUntil(lambda: box.count() == 3)
    stage.window.toggle.trigger()
    box.setCurrentText("Headset")
    stage.window.start()
    assert [one.microphone for one in stage.engines] == [True, "Headset"]


def test_an_engine_s_words_reach_the_window(
    qtbot: QtBot, kept: Path, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real engine calls back in its own thread, and the window shows it in Qt's."""
    from PySide6.QtCore import QSettings  # noqa: PLC0415 - after the platform is set

    device = Microphone({16_000})
    monkeypatch.setattr("relayd.client.live.microphone.sounddevice_here", lambda: device)
    remembered = Remembered(QSettings(str(kept), QSettings.Format.IniFormat))
    window = CaptionWindow(
        remembered,
        MemoryVault(),
        lambda settings, *given, **more: RemoteTranscriptionEngine(
            listening.config, *given, **more
        ),
    )
    qtbot.addWidget(window)
    window.toggle.trigger()
    qtbot.waitUntil(lambda: "word-3" in window.interim.text(), timeout=10_000)
    window.toggle.trigger()
    qtbot.waitUntil(lambda: window.state.text() == "Finished.", timeout=10_000)
    assert window.text.toPlainText().split() == [f"word-{n}" for n in range(5)]


def test_what_does_not_start_says_why(qtbot: QtBot, stage: Stage) -> None:
    """A missing microphone is a sentence in the window, and one may try again."""
    window = stage.window
    window.panel.mode.setCurrentIndex(1)
    window.panel.managed.language.setCurrentText("fails")
    window.toggle.trigger()
    qtbot.waitUntil(lambda: "no microphone" in window.state.text())
    assert window.toggle.text() == "&Start"
    assert window.toggle.isEnabled()


def test_the_last_words_stay_in_sight(stage: Stage) -> None:
    """A smaller window and larger letters hide what is old; who scrolled back is left there."""
    window = stage.window
    bar = window.text.verticalScrollBar()
    for number in range(20):
        window._hear(said(WORDS, 2 * number))
    assert bar.value() == bar.maximum() > 0
    window.resize(700, 300)
    window.bigger.trigger()
    assert bar.value() == bar.maximum()
    window._hear(said(WORDS, 60))
    assert bar.value() == bar.maximum()
    bar.setValue(3)
    window._hear(said(WORDS, 70))
    assert bar.value() == 3


def test_what_is_over_is_not_shown_any_more(stage: Stage) -> None:
    """The words about a lost connection give way to the state when it is back."""
    window = stage.window
    window._show_state(State.RECONNECTING, "")
    window._told.error.emit("The connection was lost.", "disconnected")
    assert window.statusBar().currentMessage() == "The connection was lost."
    window._show_state(State.LISTENING, "")
    assert window.statusBar().currentMessage() == ""


def test_a_low_window_cuts_nothing_off(qtbot: QtBot, stage: Stage) -> None:
    """The settings can be scrolled where there is no room for all of them."""
    window = stage.window
    window.panel.mode.setCurrentIndex(1)
    window.resize(700, 320)
    qtbot.wait(1)
    assert window.height() == 320
    assert window.panel.height() >= window.panel.minimumSizeHint().height()


def test_captions_are_copied_and_cleared(stage: Stage) -> None:
    """Copy takes all of them, and Clear forgets them."""
    from PySide6.QtGui import QGuiApplication  # noqa: PLC0415 - after the platform is set

    window = stage.window
    window._hear(said(WORDS, 0))
    window.copy.trigger()
    assert QGuiApplication.clipboard().text() == WORDS
    window.clear.trigger()
    assert window.text.toPlainText() == ""
    assert window.captions.text == ""


def test_captions_are_saved(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the form that is chosen; where that fails, the window says why."""
    path = tmp_path / "captions.srt"
    monkeypatch.setattr(
        "relayd.desktop.window.QFileDialog.getSaveFileName", lambda *_: (str(path), "")
    )
    stage.window._hear(said(WORDS, 0))
    stage.window.save.trigger()
    assert "The relay passes" in path.read_text()
    path.unlink()
    path.mkdir()
    stage.window.save.trigger()
    assert "Not saved" in stage.window.statusBar().currentMessage()


def test_the_window_is_remembered(qtbot: QtBot, stage: Stage, kept: Path) -> None:
    """Mode, size of letters and always on top come back; a key that was typed does not."""
    from PySide6.QtCore import QSettings  # noqa: PLC0415 - after the platform is set

    window = stage.window
    window.panel.mode.setCurrentIndex(2)
    window.panel.own_key.key.setText("secret-key")
    window.bigger.trigger()
    window.on_top.setChecked(True)
    points = window.text.font().pointSize()
    window.close()
    store = QSettings(str(kept), QSettings.Format.IniFormat)
    store.sync()
    again = CaptionWindow(Remembered(store), MemoryVault(), stage.window._make_engine)
    qtbot.addWidget(again)
    assert again.panel.settings().mode is Mode.BYOK
    assert again.text.font().pointSize() == points
    assert again.on_top.isChecked()
    assert "secret-key" not in kept.read_text()


@pytest.mark.parametrize("dark", [False, True])
def test_words_can_be_read_by_day_and_by_night(
    qtbot: QtBot, stage: Stage, dark: bool, tmp_path: Path
) -> None:
    """Text stands out from its ground in light and dark; colours are the system's own."""
    from PySide6.QtGui import QColor, QPalette  # noqa: PLC0415 - after the platform is set

    window = stage.window
    if dark:
        palette = window.palette()
        for role in (QPalette.ColorRole.Window, QPalette.ColorRole.Base, QPalette.ColorRole.Button):
            palette.setColor(role, QColor("#202124"))
        roles = QPalette.ColorRole
        for role in (roles.WindowText, roles.Text, roles.ButtonText, roles.PlaceholderText):
            palette.setColor(role, QColor("#e8eaed"))
        window.setPalette(palette)
    window.panel.mode.setCurrentIndex(1)
    window.panel.managed.server.setText("https://relay.example")
    window.panel.managed.email.setText("you@example.org")
    window._hear(said(WORDS, 0))
    window._hear(said("and the last ones may still change", 12, final=False))
    window._show_state(State.LISTENING, "")
    window._show_balance(754.0, False)
    window.meter.setValue(60)
    qtbot.wait(1)
    picture = window.grab().toImage()
    folder = Path(os.environ.get("RELAYD_SCREENSHOTS", str(tmp_path)))
    picture.save(str(folder / f"captions-{'dark' if dark else 'light'}.png"))
    colours = {
        picture.pixelColor(x, y).lightness() for x in range(20, 400, 3) for y in range(40, 300, 3)
    }
    assert max(colours) - min(colours) > 120
