"""The settings panel: where words come from. Any Qt app can place it.

panel = SettingsPanel(SystemVault())
panel.show_settings(Settings.of(config))
panel.changed.connect(lambda: use(panel.settings()))
"""

from typing import Final

import attrs
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLabel, QStackedWidget, QVBoxLayout, QWidget

from relayd.client.live.settings import Mode, Settings
from relayd.client.live.vault import SystemVault, Vault
from relayd.desktop.local_page import LocalPage
from relayd.desktop.pages import ManagedPage, OwnKeyPage, Page

__all__ = ["SettingsPanel"]

_NAMES: Final = {
    Mode.LOCAL: "Local: on this computer",
    Mode.MANAGED: "Remote: minutes of a relay",
    Mode.BYOK: "Remote: my own Deepgram key",
}


class SettingsPanel(QWidget):
    """Edits `Settings`. ``changed``: they are others now; secrets are in the vault, not in them."""

    changed = Signal()

    def __init__(self, vault: Vault | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        vault = vault or SystemVault()
        self.local = LocalPage(vault)
        self.managed = ManagedPage(vault)
        self.own_key = OwnKeyPage(vault)
        self._pages: dict[Mode, Page] = {
            Mode.LOCAL: self.local,
            Mode.MANAGED: self.managed,
            Mode.BYOK: self.own_key,
        }
        self._settings = Settings()
        self.mode = QComboBox()
        self.mode.setAccessibleName("Transcription")
        self._stack = QStackedWidget()
        for mode, page in self._pages.items():
            self.mode.addItem(_NAMES[mode], mode)
            self._stack.addWidget(page)
            page.changed.connect(self.changed)
        label = QLabel("&Transcription")
        label.setBuddy(self.mode)
        layout = QVBoxLayout(self)
        layout.addWidget(label)
        layout.addWidget(self.mode)
        layout.addWidget(self._stack)
        self.mode.currentIndexChanged.connect(self._stack.setCurrentIndex)
        self.mode.currentIndexChanged.connect(lambda _: self.changed.emit())

    def show_settings(self, settings: Settings) -> None:
        """Fill the panel."""
        self._settings = settings
        for page in self._pages.values():
            page.show_settings(settings)
        self.mode.setCurrentIndex(list(self._pages).index(settings.mode))

    def settings(self) -> Settings:
        """What the panel shows. A key that was typed is in it, a sign-in is in the vault."""
        mode = list(self._pages)[self.mode.currentIndex()]
        return self._pages[mode].edited(attrs.evolve(self._settings, mode=mode))
