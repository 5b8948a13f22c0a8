"""Who can do what a caller asks for, among the file engines of an installation."""

from collections.abc import Sequence
from typing import Protocol

from relayd.speech.files import FileEngine, FileRequest
from relayd.speech.plan import ConfigRefusal

__all__ = ["Candidate", "Catalogue"]


class Candidate(Protocol):
    """An engine that can do what is asked, and how it is asked."""

    @property
    def engine(self) -> FileEngine:
        """Who."""

    @property
    def request(self) -> FileRequest:
        """With the engine's own name of the model."""


class Catalogue(Protocol):
    """What is offered, and who makes it."""

    def candidates(
        self, model: str, request: FileRequest, *, test: bool = False
    ) -> Sequence[Candidate] | ConfigRefusal:
        """Who can do it, in the operator's order: at least one, or why nobody can.

        ``model`` is the name that callers use; ``request.model`` is filled in for each engine.
        For a ``test`` it is the engine that pretends, whatever the model.
        """
