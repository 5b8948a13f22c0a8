"""An app's callbacks, called one after the other in a thread of their own."""

import contextlib
import inspect
import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final

import attrs

from relayd.client.live.news import Balance, News, Problem, Standing
from relayd.client.messages import Transcript

__all__ = ["Callbacks", "Calls"]

log = logging.getLogger(__name__)

# What waits for a callback that takes its time. Interim words are left out first: others replace
# them. A thousand finals are about an hour of speech.
_INTERIM_MOST: Final = 20
_WAITING_MOST: Final = 1000


@attrs.frozen
class Callbacks:
    """What an app wants to be called with; None for what it doesn't."""

    on_transcript: Callable[..., object] | None
    on_state: Callable[..., object] | None = None
    on_balance: Callable[..., object] | None = None
    on_error: Callable[..., object] | None = None
    # How many arguments each takes, once it was looked at.
    _places: dict[str, int] = attrs.field(init=False, factory=dict)

    def begin(self) -> "Calls":
        """A thread for one start of an engine."""
        return Calls(self)

    def call(self, news: News) -> None:
        """Call back with one piece of news, in this thread."""
        match news:
            case Transcript():
                self._call("on_transcript", news.text, news.is_final, news)
            case Standing():
                self._call("on_state", news.state, news.message)
            case Balance():
                self._call("on_balance", news.seconds, news.low)
            case Problem():
                self._call("on_error", news.message, news.code)

    def _call(self, name: str, *arguments: Any) -> None:
        callback: Callable[..., object] | None = getattr(self, name)
        if callback is None:
            return
        if name not in self._places:
            self._places[name] = _takes(callback, len(arguments))
        try:
            callback(*arguments[: self._places[name]])
        except Exception:
            log.exception("a callback of the app failed")


class Calls:
    """The thread, and what waits to be told in it."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        # None: nothing follows.
        self._waiting: SimpleQueue[News | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="relayd-callbacks", daemon=True)

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Whether the caller is such a callback."""
        return threading.current_thread() is self._thread

    def tell(self, news: News) -> None:
        """Call back soon; never waits for the callbacks before."""
        waiting = self._waiting.qsize()
        if isinstance(news, Transcript) and not news.is_final and waiting >= _INTERIM_MOST:
            return
        if waiting >= _WAITING_MOST:
            with contextlib.suppress(Empty):
                self._waiting.get_nowait()
        self._waiting.put(news)

    def end(self) -> None:
        """Nothing follows."""
        self._waiting.put(None)

    def join(self, timeout: float) -> None:
        """Wait until all was told."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _work(self) -> None:
        while (news := self._waiting.get()) is not None:
            self._callbacks.call(news)


def _takes(callback: Callable[..., object], most: int) -> int:
    """How many of the arguments a callback has places for."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):
        return most
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return most
    return sum(one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD} for one in parameters)
