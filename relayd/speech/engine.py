"""The seam to speech-to-text engines: what every adapter in `relayd.engines` implements.

An adapter raises only `relayd.errors.UpstreamError` and its kinds.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.words import UpstreamEvent

__all__ = ["CLOSED", "UNAVAILABLE", "Engine", "Upstream"]

# What an app's user hears where an engine has nothing better to say.
UNAVAILABLE: Final = "The speech engine is not available. Try again shortly."
CLOSED: Final = "The speech engine ended the stream. Connect again to go on."


class Upstream(Protocol):
    """One open engine stream. Raises `UpstreamError`s.

    The adapter keeps the stream alive by itself while no audio flows, and puts its own
    deadline on every send. What the engine says, its end too, is noticed in `receive`: somebody
    must wait there for as long as the stream is used.
    """

    def send_audio_at_once(self, audio: bytes) -> bool:
        """Pass audio on if that needs no waiting; False where nothing was sent."""

    async def send_audio(self, audio: bytes) -> None:
        """Pass audio on, in order; whole samples are not required."""

    async def finalize(self) -> None:
        """Ask for the results of everything sent so far; the stream goes on."""

    async def finish(self) -> None:
        """No more audio: the engine delivers its last results and then ends the stream."""

    async def receive(self, take: Callable[[UpstreamEvent], bool] = ...) -> UpstreamEvent | None:
        """Offer each event to ``take`` as it comes; return the first that it doesn't take.

        ``take`` is called in whatever task reads the engine, and must not wait; by itself it takes
        nothing. None: the engine ended the stream after `finish`.
        """

    @property
    def plan(self) -> StreamPlan:
        """What is done, by which engine and at what price."""

    @property
    def reported_ms(self) -> int | None:
        """The engine's own figure of the audio it heard, as far as it said one."""


class Engine(Protocol):
    """A speech-to-text engine."""

    @property
    def name(self) -> str:
        """Its name in the configuration, the ledger and ``ready``."""

    def plan(self, config: Mapping[str, Any]) -> StreamPlan | ConfigRefusal:
        """Check a client's ``config`` object; nothing is opened yet."""

    def open(self, plan: StreamPlan) -> AbstractAsyncContextManager[Upstream]:
        """Open a stream; leaving the context closes it, at once when cancelled."""
