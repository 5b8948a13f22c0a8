"""What is kept from one start to the next, where the system keeps settings; never a secret."""

from typing import Any, Final

import attrs
from PySide6.QtCore import QSettings

from relayd.client.live.settings import Mode, Settings

__all__ = ["Remembered"]

_TEXTS: Final = ("server_url", "deepgram_model", "language", "local_engine", "local_model")


@attrs.frozen
class Remembered:
    """The settings of one program. Secrets are left out: they lie in the keyring."""

    store: QSettings

    @classmethod
    def of(cls, program: str = "desktop") -> "Remembered":
        """Where the system keeps them for this program."""
        return cls(QSettings("relayd", program))

    def settings(self) -> Settings:
        """As they were last kept; a mode that nobody knows is the first one."""
        texts: dict[str, Any] = {name: self.text(name) for name in _TEXTS}
        known = {one.value: one for one in Mode}
        return Settings(mode=known.get(self.text("mode"), Mode.MANAGED), **texts)

    def keep(self, settings: Settings) -> None:
        """Keep them."""
        self.store.setValue("mode", settings.mode.value)
        for name in _TEXTS:
            self.store.setValue(name, getattr(settings, name))

    def text(self, name: str, default: str = "") -> str:
        """One more value of the window's own."""
        found = self.store.value(name, default)
        return found if isinstance(found, str) else str(found)

    def number(self, name: str, default: int) -> int:
        """One that is a number."""
        try:
            return int(self.text(name, str(default)))
        except ValueError:
            return default
