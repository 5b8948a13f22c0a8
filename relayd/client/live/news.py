"""What an app hears while it listens: words, how it stands, the credit, what went wrong."""

import enum
from collections.abc import Callable

import attrs

from relayd.client.messages import Transcript

__all__ = ["Balance", "News", "Problem", "Standing", "State", "Tell"]


class State(str, enum.Enum):
    """How an engine stands. Its value is the word for programs."""

    CONNECTING = "connecting"
    LISTENING = "listening"
    # Audio is kept meanwhile, and sent when the connection is back.
    RECONNECTING = "reconnecting"
    ENDED = "ended"


@attrs.frozen
class Standing:
    """A state that began; ``message`` is a sentence for people, perhaps empty.

    ``code`` is why it ended, as the wire protocol has it (``completed``, ``auth_failed``, …).
    """

    state: State
    message: str = ""
    code: str = ""


@attrs.frozen
class Balance:
    """The credit left, in seconds; ``low``: the server thinks that it will not last long."""

    seconds: float
    low: bool = False


@attrs.frozen
class Problem:
    """Something went wrong; what it comes to, a `Standing` says."""

    message: str
    code: str


News = Transcript | Standing | Balance | Problem

# Never waits and never raises.
Tell = Callable[[News], None]
