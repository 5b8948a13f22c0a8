"""The captioning window as a program."""

from collections.abc import Sequence

from PySide6.QtWidgets import QApplication

from relayd.desktop.remembered import Remembered
from relayd.desktop.window import CaptionWindow

__all__ = ["run"]


def run(arguments: Sequence[str]) -> int:
    """Show the window until it is closed."""
    app = QApplication(list(arguments))
    app.setApplicationName("relayd captions")
    window = CaptionWindow(Remembered.of())
    window.resize(960, 540)
    window.show()
    return app.exec()
