"""What waits for a network, a keyring or a device, done off the GUI's thread.

Each errand has a thread and a Trio of its own; what comes of it is told on the GUI's thread.
"""

import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import trio
from PySide6.QtCore import QObject, Signal, Slot

from relayd.client.errors import ClientError, RefusedError
from relayd.client.live.settings import SettingsError
from relayd.client.live.vault import VaultError

__all__ = ["Errands", "Failure", "in_words"]

log = logging.getLogger(__name__)

T = TypeVar("T")

# What is expected to go wrong, and says so in words for people.
Failure = ClientError | SettingsError | VaultError | ValueError
# Settings as the panel names them.
_FIELDS: Final = {
    "server_url": "Server",
    "deepgram_url": "Deepgram's address",
    "local_engine": "Engine",
}


class Errands(QObject):
    """Runs errands for one widget; those that outlive it are not told."""

    _told = Signal(object)
    # Whether any is under way.
    busy = Signal(bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._open = 0
        self._told.connect(self._call)

    def run(
        self,
        work: Callable[[], Awaitable[T]],
        done: Callable[[T], object],
        failed: Callable[[str, Exception], object],
    ) -> None:
        """Do the work; then ``done`` hears its result, or ``failed`` words and the error."""
        self._open += 1
        self.busy.emit(True)
        threading.Thread(
            target=self._work, args=(work, done, failed), name="relayd-errand", daemon=True
        ).start()

    def _work(
        self,
        work: Callable[[], Awaitable[T]],
        done: Callable[[T], object],
        failed: Callable[[str, Exception], object],
    ) -> None:
        tell: Callable[[], object]
        try:
            result = trio.run(work)
        except Exception as error:  # noqa: BLE001 - the one boundary of an errand
            words, problem = in_words(error), error

            def tell() -> object:
                return failed(words, problem)
        else:

            def tell() -> object:
                return done(result)

        def over() -> None:
            self._open -= 1
            self.busy.emit(self._open > 0)
            tell()

        self.tell(over)

    def tell(self, something: Callable[[], object]) -> None:
        """Have this called on the GUI's thread; from any."""
        # The widget may be gone meanwhile, and with it this object of Qt's.
        with contextlib.suppress(RuntimeError):
            self._told.emit(something)

    @Slot(object)
    def _call(self, something: Any) -> None:
        something()


def in_words(error: Exception) -> str:
    """What went wrong, for people."""
    if isinstance(error, RefusedError):
        return error.message
    if isinstance(error, SettingsError):
        return f"{_FIELDS.get(error.field, error.field)}: {error.problem}"
    if isinstance(error, Failure):
        return str(error)
    log.error("a fault of relayd-client", exc_info=error)
    return "relayd-client made a mistake; its log says which."
