"""Exit codes, and which failure is which: every command's contract with scripts."""

import enum
from collections.abc import Iterator
from typing import Final

from relayd.errors import (
    ClientGone,
    DatabaseUnavailable,
    ModelUnavailable,
    OperatorError,
    RelaydError,
    StripeUnavailable,
    UpstreamError,
)

__all__ = ["EXIT_CODES", "Exit", "explain"]


class Exit(enum.IntEnum):
    """What a script may rely on."""

    OK = 0
    NOT_WELL = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


EXIT_CODES: Final = """\
exit codes:
  0    done
  1    what was asked about is not well (check, audit), or the relay ended the session
       for another reason than that it was finished (transcribe)
  2    wrong usage or configuration; one line on standard error says what and how to mend it
  3    the database, the engine, Stripe or the server can't be reached
  130  interrupted by Ctrl-C
"""


# Whoever relayd speaks to, and didn't reach.
UNREACHABLE: Final = (
    DatabaseUnavailable,
    UpstreamError,
    StripeUnavailable,
    ClientGone,
    ModelUnavailable,
)


def explain(error: BaseException) -> tuple[Exit, str] | None:
    """The exit code and the line for standard error; None for a bug, which needs its traceback.

    Errors out of a nursery come as groups: one failure of ours among them speaks for all.
    """
    leaves = list(_leaves(error))
    if any(not isinstance(one, RelaydError | KeyboardInterrupt) for one in leaves):
        return None
    if any(isinstance(one, KeyboardInterrupt) for one in leaves):
        return Exit.INTERRUPTED, ""
    for one in leaves:
        if isinstance(one, OperatorError):
            return Exit.USAGE, str(one)
    for one in leaves:
        if isinstance(one, UNREACHABLE):
            return Exit.UNREACHABLE, str(one)
    return None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
