"""Every exception relayd raises on purpose, in one tree.

Expected outcomes (a refused session, a wrong password) are values, not exceptions.
What is here is either the operator's to mend or an environment that failed; each
port has one exception, raised by its adapter `from` the library's own.

    RelaydError
    ├── OperatorError             a person must change something; exit code 2, never a traceback
    │   ├── ConfigError               relayd.toml, the environment or a credential
    │   ├── DatabaseRefused           PostgreSQL answers and doesn't let us in
    │   ├── MigrationRefused          the database holds another schema, or doesn't take ours
    │   └── MissingExtra              an optional package is not installed
    ├── DatabaseUnavailable       PostgreSQL can't be reached or did not answer in time
    │   └── LedgerUnavailable         … as the session sees it
    ├── StorageUnavailable        recordings and transcripts can't be kept or read right now
    │   ├── StorageFull               … because the disk is full, or nearly so
    │   └── ObjectMissing             … one that isn't there
    ├── OutboundFailed            a request to where a user wants it came to nothing
    │   └── OutboundRefused           … because it may not be made
    ├── StripeUnavailable         Stripe can't be reached, or refuses what it was asked
    ├── MailUnavailable           the mail server can't be reached, or takes nothing from us
    ├── ClientGone                the app's connection ended
    ├── UpstreamError             an engine's stream
    │   ├── UpstreamUnavailable       it could not be opened, or stalled
    │   │   ├── UpstreamBusy              … and asks to be left alone for a while
    │   │   └── UpstreamOff               … because it refuses the operator: a key, a bill
    │   ├── UpstreamClosed            it went away in the middle
    │   └── UpstreamRejected          it refuses this client's configuration or audio
    ├── FileEngineError           an engine that transcribes files
    │   ├── EngineBusy                it asks to be left alone for a while
    │   ├── EngineOff                 it refuses the operator: a key, a bill, a model
    │   └── EngineFailed              it crashed, or answered what is no answer
    ├── ModelUnavailable          a model's file can't be fetched now
    ├── MediaFailed               a recording wasn't opened, for a reason that is not in it
    └── Unreadable                a recording that can't be opened, or is not to be
"""

# ruff: noqa: N818 - named for what happened, as trio names its own

import sys
from typing import TypeVar

if sys.version_info < (3, 11):
    # The client, which has this file too, runs on older Pythons than the daemon.
    from exceptiongroup import BaseExceptionGroup

__all__ = [
    "ClientGone",
    "ConfigError",
    "DatabaseRefused",
    "DatabaseUnavailable",
    "EngineBusy",
    "EngineFailed",
    "EngineOff",
    "FileEngineError",
    "LedgerUnavailable",
    "MailUnavailable",
    "MediaFailed",
    "MigrationRefused",
    "MissingExtra",
    "ModelUnavailable",
    "ObjectMissing",
    "OperatorError",
    "OutboundFailed",
    "OutboundRefused",
    "RelaydError",
    "StorageFull",
    "StorageUnavailable",
    "StripeUnavailable",
    "Unreadable",
    "UpstreamBusy",
    "UpstreamClosed",
    "UpstreamError",
    "UpstreamOff",
    "UpstreamRejected",
    "UpstreamUnavailable",
    "first_leaf",
]

Error = TypeVar("Error", bound=BaseException)


class RelaydError(Exception):
    """Base of all of them.

    ``refused``: trying again won't help, a person must look.
    """

    refused: bool = False


class OperatorError(RelaydError):
    """Something the operator must change. The text says what, and what would be right."""


class ConfigError(OperatorError):
    """A configuration value is unknown, of the wrong type or out of range.

    ``key`` is its dotted name (``metering.hold_seconds``), so that a test or a tool can match it.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


class DatabaseRefused(OperatorError):
    """PostgreSQL answers and refuses: a wrong password, a database that isn't there, a version."""


class MigrationRefused(OperatorError):
    """The database holds another schema than this program's, or PostgreSQL doesn't take ours."""


class MissingExtra(OperatorError):
    """A feature needs an optional package; the text names the extra to install."""


class DatabaseUnavailable(RelaydError):
    """PostgreSQL can't be reached, or did not answer within its deadlines."""


class LedgerUnavailable(DatabaseUnavailable):
    """The ledger can't be reached. Nothing is known about whether the call took effect."""


class StorageUnavailable(RelaydError):
    """The store of recordings and transcripts can't be reached, or refuses."""


class StorageFull(StorageUnavailable):
    """There is no room, or less than the operator wants to keep free."""


class ObjectMissing(StorageUnavailable):
    """The store answers, and has no such object."""


class UploadBusy(RelaydError):
    """Another request writes the same upload."""


class OutboundFailed(RelaydError):
    """A request to an address that a user named failed; the text is for that user."""


class OutboundRefused(OutboundFailed):
    """… and will fail again: the address may not be reached from here, or is none."""


class StripeUnavailable(RelaydError):
    """Stripe can't be reached, did not answer in time, failed, or refuses what it was asked.

    ``refused`` is most often a key without the permission. The text holds nothing of the customer.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class MailUnavailable(RelaydError):
    """The mail server can't be reached, did not answer in time, or takes no mail of ours now.

    ``refused`` is most often a wrong password. The text holds nothing of the mail.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class ClientGone(RelaydError):
    """The client's connection ended: closed, reset, timed out or in breach of the protocol."""


class UpstreamError(RelaydError):
    """An engine's stream failed.

    ``message`` is for the app user and holds no detail of the operator's account;
    ``hint`` is for the operator's log and says what to do.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(hint or message)
        self.message = message
        self.hint = hint

    def hinting(self, hint: str) -> "UpstreamError":
        """Another one of the same kind, with this hint."""
        return type(self)(self.message, hint)


class UpstreamUnavailable(UpstreamError):
    """The engine could not be opened, or accepts no more audio within its deadline."""


class UpstreamBusy(UpstreamUnavailable):
    """The engine can't take more now (429, 5xx, no connection); it may in ``retry_seconds``."""

    def __init__(self, message: str, hint: str, retry_seconds: float) -> None:
        super().__init__(message, hint)
        self.retry_seconds = retry_seconds

    def hinting(self, hint: str) -> "UpstreamBusy":
        """Another one of the same kind, with this hint."""
        return UpstreamBusy(self.message, hint, self.retry_seconds)


class UpstreamOff(UpstreamUnavailable):
    """The engine refuses whoever asks with the operator's key (401, 402): he must look."""

    refused = True


class UpstreamClosed(UpstreamError):
    """The engine ended the stream before it was told to."""


class UpstreamRejected(UpstreamError):
    """The engine refuses this client's configuration or can't decode its audio."""


class FileEngineError(RelaydError):
    """An engine did not transcribe a file, and the file is not known to be at fault.

    ``hint`` is for the operator's log and says what to do; it names no caller and no word.
    """

    def __init__(self, hint: str) -> None:
        super().__init__(hint)
        self.hint = hint


class EngineBusy(FileEngineError):
    """The engine can't take more now (429, 5xx, no connection); it may in ``retry_seconds``."""

    def __init__(self, hint: str, retry_seconds: float) -> None:
        super().__init__(hint)
        self.retry_seconds = retry_seconds


class EngineOff(FileEngineError):
    """The engine refuses whoever asks (401, 402, no such model): the operator must look."""

    refused = True


class EngineFailed(FileEngineError):
    """The engine crashed on this file, took too long, or answered what can't be read."""


class ModelUnavailable(RelaydError):
    """A model's file can't be fetched now; going on later may help."""


class MediaFailed(RelaydError):
    """Opening a recording failed for a reason that is not in it: the disk, memory, its process."""


class Unreadable(RelaydError):
    """A recording is broken, empty, without audio, too long or not what it claims to be.

    ``code`` is for programs; the text is for the caller, a sentence that says what is wrong.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def first_leaf(group: BaseExceptionGroup[Error]) -> Error:
    """What was noticed first, where one of several failures has to speak for all."""
    first = group.exceptions[0]
    return first_leaf(first) if isinstance(first, BaseExceptionGroup) else first
