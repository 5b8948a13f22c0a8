"""The captioning window: what is said, live, large and always on top; copied and saved."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QGuiApplication, QKeySequence, QPalette, QTextCursor
from PySide6.QtWidgets import (
    QComboBox,
    QDockWidget,
    QFileDialog,
    QFrame,
    QLabel,
    QMainWindow,
    QPlainTextEdit,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from relayd.client.live.engine import RemoteTranscriptionEngine
from relayd.client.live.microphone import Device, devices
from relayd.client.live.news import State
from relayd.client.live.settings import Settings
from relayd.client.live.vault import SystemVault, Vault
from relayd.client.messages import Transcript
from relayd.desktop.captions import Captions
from relayd.desktop.errands import Errands
from relayd.desktop.panel import SettingsPanel
from relayd.desktop.remembered import Remembered

__all__ = ["CaptionWindow", "Told"]

_FONT_POINTS: Final = (10, 60)
_FONT_DEFAULT: Final = 22
_METER_MS: Final = 50

_STATES: Final = {
    State.CONNECTING: "Connecting …",
    State.LISTENING: "Listening.",
    State.RECONNECTING: "The connection is away; your words are kept. Trying again …",
    State.ENDED: "Not listening.",
}

MakeEngine = Callable[..., RemoteTranscriptionEngine]


class Told(QObject):
    """What an engine calls back with, carried to the GUI's thread."""

    words = Signal(object)
    state = Signal(object, str)
    balance = Signal(float, bool)
    error = Signal(str, str)

    def engine(self, make: MakeEngine, settings: Settings, **more: Any) -> Any:
        """An engine that calls back here."""
        return make(
            settings,
            lambda text, is_final, heard: self._tell("words", heard),
            on_state=lambda state, message: self._tell("state", state, message),
            on_balance=lambda seconds, low: self._tell("balance", seconds, low),
            on_error=lambda message, code: self._tell("error", message, code),
            **more,
        )

    def _tell(self, signal: str, *news: object) -> None:
        # The window may be gone before the last words came, and with it this object of Qt's.
        with contextlib.suppress(RuntimeError):
            getattr(self, signal).emit(*news)


class CaptionWindow(QMainWindow):
    """The window. ``make_engine`` is there for tests."""

    def __init__(
        self,
        remembered: Remembered,
        vault: Vault | None = None,
        make_engine: MakeEngine = RemoteTranscriptionEngine,
    ) -> None:
        super().__init__()
        self.setWindowTitle("relayd: live captions")
        self._remembered = remembered
        self._vault = vault or SystemVault()
        self._make_engine = make_engine
        self._engine: Any = None
        self._errands = Errands(self)
        self.captions = Captions()
        self._told = Told(self)
        # Whoever scrolled back to read is left there.
        self._follows = True
        self._build()
        self._connect()
        self.panel.show_settings(remembered.settings())
        self._set_font(remembered.number("font_points", _FONT_DEFAULT))
        self.on_top.setChecked(remembered.text("on_top") == "yes")
        self._show_state(State.ENDED, "")

    def start(self) -> None:
        """Begin to listen, with what the panel says."""
        settings = self.panel.settings()
        microphone = self.microphone.currentData() or True
        engine = self._told.engine(
            self._make_engine, settings, microphone=microphone, vault=self._vault
        )
        self._engine = engine
        self.toggle.setEnabled(False)

        async def start() -> None:
            engine.start()

        self._errands.run(start, lambda _: self.toggle.setEnabled(True), self._not_started)

    def stop(self) -> None:
        """No more sound; the last words still come."""
        engine = self._engine
        if engine is None:
            return
        self.toggle.setEnabled(False)

        async def stop() -> None:
            engine.stop()

        self._errands.run(stop, lambda _: self.toggle.setEnabled(True), self._not_started)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Hang up, and remember how it was; nothing is waited for."""
        self.stop()
        self._remembered.keep(self.panel.settings())
        self._remembered.store.setValue("font_points", str(self.text.font().pointSize()))
        self._remembered.store.setValue("microphone", self.microphone.currentData())
        self._remembered.store.setValue("on_top", "yes" if self.on_top.isChecked() else "no")
        super().closeEvent(event)

    def _build(self) -> None:
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Captions")
        self.text.setPlaceholderText("Press Start and speak.")
        # As read-only text it can be walked through and selected by keyboard, too.
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByKeyboard
            | Qt.TextInteractionFlag.TextSelectableByMouse
        )
        bar = self.text.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        # New words, another size of the window or of the letters: the last line stays in sight.
        bar.rangeChanged.connect(lambda _, end: bar.setValue(end) if self._follows else None)
        self.interim = QLabel()
        self.interim.setWordWrap(True)
        self.interim.setAccessibleName("Words that may still change")
        self.interim.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.interim)
        self.setCentralWidget(middle)
        self.panel = SettingsPanel(self._vault)
        self.dock = QDockWidget("Settings")
        self.dock.setObjectName("settings")
        self.dock.setWidget(self._settings_side())
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.state = QLabel()
        self.state.setAccessibleName("State")
        self.balance = QLabel()
        self.balance.setAccessibleName("Minutes left")
        self.meter = QProgressBar()
        self.meter.setRange(0, 100)
        self.meter.setTextVisible(False)
        self.meter.setMaximumWidth(120)
        self.meter.setAccessibleName("Level of the microphone")
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self.state, 1)
        self.statusBar().addPermanentWidget(self.balance)
        self.statusBar().addPermanentWidget(self.meter)
        self._metering = QTimer(self)
        self._metering.setInterval(_METER_MS)
        self._metering.timeout.connect(
            lambda: self.meter.setValue(round(100 * getattr(self._engine, "level", 0.0)))
        )

    def _settings_side(self) -> QWidget:
        """The panel, and below it the microphone, which is the window's own affair."""
        side = QWidget()
        self.microphone = QComboBox()
        self.microphone.setAccessibleName("Microphone")
        self.microphone.addItem("The usual one", "")
        label = QLabel("M&icrophone")
        label.setBuddy(self.microphone)
        layout = QVBoxLayout(side)
        layout.addWidget(self.panel, 1)
        layout.addWidget(label)
        layout.addWidget(self.microphone)
        # In a low window its texts would be cut off instead.
        scrolled = QScrollArea()
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scrolled.setWidgetResizable(True)
        scrolled.setWidget(side)
        scrolled.setMinimumWidth(side.minimumSizeHint().width())

        async def look() -> Sequence[Device]:
            return devices()

        # Where there is none, Start says so.
        self._errands.run(look, self._list_microphones, lambda *_: None)
        return scrolled

    def _list_microphones(self, found: Sequence[Device]) -> None:
        for one in found:
            self.microphone.addItem(one.name, one.name)
        kept = self.microphone.findData(self._remembered.text("microphone"))
        self.microphone.setCurrentIndex(max(kept, 0))

    def _connect(self) -> None:
        bar = self.addToolBar("Captions")
        bar.setObjectName("captions")
        self.toggle = self._action("&Start", "F5", "Begin to listen, or stop", self._toggle)
        self.copy = self._action("&Copy", "Ctrl+Shift+C", "Copy all captions", self._copy)
        self.save = self._action("Sa&ve …", "Ctrl+S", "Save as text or subtitles", self._save)
        self.clear = self._action("C&lear", "Ctrl+L", "Forget these captions", self._clear)
        self.bigger = self._action(
            "&Larger", QKeySequence.StandardKey.ZoomIn, "Larger captions", lambda: self._zoom(2)
        )
        self.smaller = self._action(
            "S&maller", QKeySequence.StandardKey.ZoomOut, "Smaller captions", lambda: self._zoom(-2)
        )
        self.on_top = self._action("Always on &top", "Ctrl+T", "Stay above other windows")
        self.on_top.setCheckable(True)
        self.on_top.toggled.connect(self._keep_on_top)
        bar.addActions(self.actions())
        show = self.dock.toggleViewAction()
        show.setShortcut("Ctrl+,")
        bar.addAction(show)
        self._told.words.connect(self._hear)
        self._told.state.connect(self._show_state)
        self._told.balance.connect(self._show_balance)
        self._told.error.connect(lambda message, code: self.statusBar().showMessage(message))

    def _action(
        self,
        name: str,
        keys: str | QKeySequence.StandardKey,
        tip: str,
        act: Callable[[], object] | None = None,
    ) -> QAction:
        action = QAction(name, self)
        action.setShortcut(QKeySequence(keys))
        action.setToolTip(f"{tip} ({action.shortcut().toString()})")
        if act is not None:
            action.triggered.connect(act)
        self.addAction(action)
        return action

    def _toggle(self) -> None:
        if self._engine is not None and self._engine.is_running:
            self.stop()
        else:
            self.start()

    def _hear(self, heard: Transcript) -> None:
        final = self.captions.hear(heard)
        self.interim.setText(self.captions.interim)
        if not final:
            return
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(final + ("\n" if heard.speech_final else " "))

    def _scrolled(self, line: int) -> None:
        self._follows = line >= self.text.verticalScrollBar().maximum() - 2

    def _show_state(self, state: State, message: str) -> None:
        listening = state is not State.ENDED
        self.toggle.setText("&Stop" if listening else "&Start")
        self.state.setText(message if state is State.ENDED and message else _STATES[state])
        if listening:
            if state is State.LISTENING:
                # Of what went wrong: it is over, and hides the state.
                self.statusBar().clearMessage()
            self._metering.start()
        else:
            self._metering.stop()
            self.meter.setValue(0)
            self.interim.clear()

    def _show_balance(self, seconds: float, low: bool) -> None:
        self.balance.setText(f"{seconds / 60:.1f} min{' only' if low else ''}")
        self.panel.managed.show_balance(seconds)

    def _not_started(self, words: str, _: Exception) -> None:
        self.toggle.setEnabled(True)
        self._show_state(State.ENDED, words)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.captions.text)
        self.statusBar().showMessage("Copied.", 3000)

    def _save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save captions", "captions.srt", "Subtitles (*.srt);;Text (*.txt)"
        )
        if not name:
            return
        try:
            self.captions.save(Path(name))
        except OSError as error:
            self.statusBar().showMessage(f"Not saved: {error.strerror}")
        else:
            self.statusBar().showMessage(f"Saved {name}.", 5000)

    def _clear(self) -> None:
        self.captions = Captions()
        self.text.clear()
        self.interim.clear()

    def _zoom(self, points: int) -> None:
        self._set_font(self.text.font().pointSize() + points)

    def _set_font(self, points: int) -> None:
        smallest, largest = _FONT_POINTS
        font = self.text.font()
        font.setPointSize(min(max(points, smallest), largest))
        self.text.setFont(font)
        self.interim.setFont(font)

    def _keep_on_top(self, on_top: bool) -> None:
        self.setWindowFlag(Qt.WindowType.WindowStaysOnTopHint, on_top)
        # Changing the flag hides a window.
        if self.isVisible() or on_top:
            self.show()
