"""The page of the settings panel for engines on this machine: which there are, what they lack."""

from pathlib import Path
from typing import Final

import attrs
import trio
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QPushButton

from relayd.client.errors import RefusedError
from relayd.client.live.settings import Settings
from relayd.client.live.vault import Vault
from relayd.client.machine import MODEL, chosen, engines, fetch_model
from relayd.desktop.pages import LANGUAGES, Page, choice

__all__ = ["LocalPage"]

_BEST: Final = "The best that is installed"
_WORDS: Final = {
    "moonshine": "good words, little work for the computer; English",
    "whisper": "good words of many languages, much work for the computer",
    "sphinx": "poor words; English",
}


class LocalPage(Page):
    """Offers what is installed, and says what to install otherwise."""

    def __init__(self, vault: Vault) -> None:
        super().__init__(vault)
        self.explain("Nothing leaves this computer, and nothing is charged.")
        self.engine = QComboBox()
        self.engine.setAccessibleName("Engine")
        self.engine.addItem(_BEST, "")
        for one in engines():
            self.engine.addItem(f"{one.title}: {_WORDS[one.name]}", one.name)
        self.engine.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.form.addRow("&Engine", self.engine)
        self.language = choice(
            LANGUAGES, "Language", "such as de; multi: it is found out", "English"
        )
        self.form.addRow("Lan&guage", self.language)
        self.fetch = QPushButton(f"&Fetch Whisper's model {MODEL} (148 MB)")
        self.add_button(self.fetch)
        self.fetch.clicked.connect(self._fetch)
        self.errands.busy.connect(self.fetch.setDisabled)
        self._model = ""
        for box in (self.engine, self.language):
            box.currentTextChanged.connect(self._look)
            box.currentTextChanged.connect(self.changed)
        self._look()

    def show_settings(self, settings: Settings) -> None:
        """Fill the fields."""
        self._model = settings.local_model
        self.engine.setCurrentIndex(max(self.engine.findData(settings.local_engine), 0))
        self.language.setCurrentText(settings.language)
        self._look()

    def edited(self, settings: Settings) -> Settings:
        """With engine and language."""
        return attrs.evolve(
            settings,
            local_engine=self.engine.currentData(Qt.ItemDataRole.UserRole),
            language=self.language.currentText().strip(),
        )

    def _look(self, _: object = None) -> None:
        """Say what this machine would do with it, and what it lacks."""
        language = self.language.currentText().strip()
        name = self.engine.currentData(Qt.ItemDataRole.UserRole)
        whisper = next(one for one in engines(language, self._model) if one.name == "whisper")
        self.fetch.setVisible("no model" in whisper.missing)
        try:
            engine = chosen(name, language, self._model)
        except RefusedError as error:
            self.say(error.message)
            return
        more = "" if name else f" {engine.title}: {_WORDS[engine.name]}."
        self.say(f"Ready.{more}")

    def _fetch(self) -> None:
        def reached(have: int, whole: int | None) -> None:
            share = f"{100 * have // whole} %" if whole else f"{have >> 20} MiB"
            self.errands.tell(lambda: self.say(f"Fetching … {share}"))

        async def fetch() -> Path:
            return await trio.to_thread.run_sync(fetch_model, reached)

        self.say("Fetching …")
        self.errands.run(fetch, self._look, self.say)
