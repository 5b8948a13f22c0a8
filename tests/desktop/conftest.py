"""Qt without a screen, for these tests alone; pytest-qt is not loaded as a plugin."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.exceptions import capture_exceptions
from pytestqt.qt_compat import qt_api
from pytestqt.qtbot import QtBot

from tests.client.live.conftest import listening

__all__ = ["listening"]

os.environ["QT_QPA_PLATFORM"] = "offscreen"


@pytest.fixture(scope="session")
def qapp() -> object:
    """The one application object that Qt allows."""
    qt_api.set_qt_api("pyside6")  # type: ignore[no-untyped-call]
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415 - after the platform is set

    return QApplication.instance() or QApplication([])


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> Iterator[QtBot]:
    """pytest-qt's hands and eyes; an exception in a slot fails the test."""
    with capture_exceptions() as exceptions:
        bot = QtBot(request)
        yield bot
        for one in getattr(request.node, "qt_widgets", ()):
            widget = one[0]()
            if widget is not None:
                widget.close()
                widget.deleteLater()
        request.node.qt_widgets = []
    assert exceptions == []


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file for what is remembered."""
    return tmp_path / "desktop.ini"
