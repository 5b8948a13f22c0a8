"""How apps behave towards a session: in which dialect, and how they say who they are."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from relayd.dialects.native import NativeDialect
from relayd.session.dialect import Dialect
from tests.fakes.client import FakeClient
from tests.fakes.dialect import TerseDialect

__all__ = ["BY_HEADER", "MANNERS", "NATIVE", "Manner"]


@attrs.frozen
class Manner:
    """What an app sends for each purpose, and where in what it hears it finds what it needs."""

    name: str
    dialect: Callable[[], Dialect]
    # None: it says who it is with its upgrade.
    auth: Callable[[str, Mapping[str, Any]], str] | None
    audio: Callable[[bytes], str | bytes]
    keepalive: str
    finalize: str
    stop: str
    # The type of the messages that hold words, and of the last message.
    words: str
    over: str
    # In the last message: the field with the reason, and what it says of 1 s of audio.
    reason: str
    used: tuple[str, float]

    def heard_words(self, client: FakeClient) -> list[str]:
        """What was said, as far as the app heard it."""
        return [one["text"] for _, one in client.heard if one["type"] == self.words]


NATIVE = Manner(
    name="native",
    dialect=NativeDialect,
    auth=lambda token, config: json.dumps({"type": "auth", "token": token, "config": config}),
    audio=lambda audio: audio,
    keepalive='{"type":"keepalive"}',
    finalize='{"type":"finalize"}',
    stop='{"type":"stop"}',
    words="transcript",
    over="session_end",
    reason="reason",
    used=("seconds_used", 1),
)
BY_HEADER = attrs.evolve(NATIVE, name="native, by header", auth=None)
TERSE = Manner(
    name="terse",
    dialect=TerseDialect,
    auth=lambda token, config: f"hello {token} {json.dumps(config)}",
    audio=lambda audio: "audio " + base64.b64encode(audio).decode(),
    keepalive="here",
    finalize="commit",
    stop="done",
    words="delta",
    over="over",
    reason="why",
    used=("used_ms", 1000),
)
MANNERS = (NATIVE, BY_HEADER, TERSE)
