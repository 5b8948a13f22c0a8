"""The load generator: N apps that speak, and take note of every delay.

They speak at live pace, until they are told to ``hurry``: then each sends its next frame as soon
as the words of the one before came.

``python -m bench.load`` reads its plan as one line of JSON, then commands: ``mark`` (its counts),
``delays`` (of the words between the last two marks, and how late it was itself), ``hush`` (no
more audio) and ``stop``. Frames are made and masked ahead; only their stamp is written when they
are sent. What it could not send when it was due is counted, because then it was the generator
that was measured.
"""

import json
import os
import random
import socket
import ssl
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs

from bench.engine import BYTES_PER_MS
from bench.loop import Loop, Peer, say
from bench.stamps import STAMP_BYTES, Delays, of_words
from bench.wire import BINARY, CLOSE, PING, PONG, TEXT, Frame, frame, upgrade_request

__all__ = ["Plan", "main"]

_MASK: Final = bytes((0x37, 0xFA, 0x21, 0x3D))
_KEY: Final = int.from_bytes(_MASK * (STAMP_BYTES // len(_MASK)), "little")
# Who is not live by then, after the last one began, is told of as missing.
_LIVE_SECONDS: Final = 30
_PONG: Final = frame(PONG, b"", _MASK)
_STOP: Final = frame(TEXT, b'{"type":"stop"}', _MASK)
_CLOSE_STREAM: Final = frame(TEXT, b'{"type":"CloseStream"}', _MASK)
_GOODBYE: Final = frame(CLOSE, (1000).to_bytes(2, "big"), _MASK)


@attrs.frozen
class Plan:
    """What to do. ``tokens`` are used in turn; none: speak to the engine itself.

    ``authority``: a file with the certificate to trust, where the relay is spoken to over TLS.
    """

    port: int
    target: str
    sessions: int
    frame_ms: int
    starts_per_second: float
    tokens: tuple[str, ...]
    authority: str = ""

    def connect(self) -> socket.socket:
        """A new connection to the relay."""
        sock = socket.create_connection(("127.0.0.1", self.port))
        if not self.authority:
            return sock
        context = ssl.create_default_context(cafile=self.authority)
        return context.wrap_socket(sock, server_hostname="127.0.0.1")


@attrs.define(eq=False)
class Tally:
    """What all apps count together since the start."""

    words: Delays = attrs.field(factory=Delays)
    lateness: Delays = attrs.field(factory=Delays)
    frames: int = 0
    results: int = 0
    failures: list[str] = attrs.field(factory=list)

    def mark(self) -> dict[str, int]:
        """The counts."""
        self.words.mark()
        self.lateness.mark()
        return {"frames": self.frames, "results": self.results}

    def delays(self, late_nanoseconds: int) -> dict[str, Any]:
        """Of what lay between the last two marks."""
        late = sum(one > late_nanoseconds for one in self.lateness.between)
        return {
            **self.words.percentiles(),
            "lateness_p99_ms": self.lateness.percentiles()["p99_ms"],
            "late": late,
        }


@attrs.define(eq=False)
class App:
    """One session."""

    loop: Loop
    plan: Plan
    token: str
    tally: Tally
    changed: Callable[[], None]
    peer: Peer = attrs.field(init=False)
    live: bool = False
    over: bool = False
    hurried: bool = False
    silent: bool = False
    stopping: bool = False
    _due_ns: int = 0
    _before: bytes = attrs.field(init=False)
    _after: bytes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        noise = random.randbytes(self.plan.frame_ms * BYTES_PER_MS)  # noqa: S311 - to be heard only
        whole = frame(BINARY, noise, _MASK)
        head_bytes = len(whole) - len(noise)
        self._before = whole[:head_bytes]
        self._after = whole[head_bytes + STAMP_BYTES :]

    def start(self) -> None:
        """Connect and ask for the upgrade."""
        self.peer = Peer(self.loop, self.plan.connect(), self._shaken, self._hear, self._ended)
        self.peer.send(upgrade_request(f"127.0.0.1:{self.plan.port}", self.plan.target))

    def stop(self) -> None:
        """No more audio; the relay answers with the last words and closes."""
        self.silent = self.stopping = True
        self.peer.send(_STOP if self.token else _CLOSE_STREAM)

    def _shaken(self, head: bytes) -> None:
        if b" 101 " not in head.partition(b"\r\n")[0]:
            self.tally.failures.append(head[:200].decode("latin-1"))
            self.peer.end()
        elif self.token:
            auth = {"type": "auth", "token": self.token, "config": {"interim_results": True}}
            self.peer.send(frame(TEXT, json.dumps(auth).encode(), _MASK))
        else:
            self._go_live()

    def _go_live(self) -> None:
        self.live = True
        self.changed()
        self._speak_now()

    def _speak_now(self) -> None:
        self._due_ns = time.monotonic_ns()
        self._speak()

    def _speak(self) -> None:
        """Send the frame that is due; at live pace, come back for the next one."""
        if self.silent or not self.peer.open:
            return
        now = time.monotonic_ns()
        stamp = (now ^ _KEY).to_bytes(STAMP_BYTES, "little")
        self.peer.send(self._before + stamp + self._after)
        self.tally.frames += 1
        self.tally.lateness.samples.append(now - self._due_ns)
        if not self.hurried:
            self._due_ns += self.plan.frame_ms * 1_000_000
            self.loop.at(self._due_ns / 1e9, self._speak)

    def _hear(self, one: Frame) -> None:
        if one.opcode == TEXT:
            stamp = of_words(one.payload)
            if stamp is not None:
                self.tally.words.note(stamp)
                self.tally.results += 1
                if self.hurried:
                    self._speak_now()
            elif not self.live and b'"ready"' in one.payload:
                self._go_live()
            elif b'"error"' in one.payload:
                self.tally.failures.append(one.payload[:200].decode("latin-1"))
        elif one.opcode == PING:
            self.peer.send(frame(PONG, one.payload, _MASK) if one.payload else _PONG)
        elif one.opcode == CLOSE:
            self.peer.send(_GOODBYE)
            self.peer.end()

    def _ended(self) -> None:
        if not self.stopping:
            self.tally.failures.append("the relay hung up")
        self.over = True
        self.changed()


@attrs.define(eq=False)
class Load:
    """All apps: started one after the other, stopped together."""

    plan: Plan
    loop: Loop = attrs.field(init=False)
    tally: Tally = attrs.field(factory=Tally)
    apps: list[App] = attrs.field(factory=list)
    _said: set[str] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.loop = Loop(self._command)

    def run(self) -> None:
        """Take commands until standard input ends."""
        begin = time.monotonic()
        for number in range(self.plan.sessions):
            # A fraction of a frame apart as well, so that the beats are spread out.
            self.loop.at(begin + number / self.plan.starts_per_second, partial(self._start, number))
        all_begun = begin + self.plan.sessions / self.plan.starts_per_second
        self.loop.at(all_begun + _LIVE_SECONDS, self._say_live)
        self.loop.run()

    def _start(self, number: int) -> None:
        tokens = self.plan.tokens
        token = tokens[number % len(tokens)] if tokens else ""
        app = App(self.loop, self.plan, token, self.tally, self._changed)
        self.apps.append(app)
        app.start()

    def _changed(self) -> None:
        if sum(app.live or app.over for app in self.apps) == self.plan.sessions:
            self._say_live()
        if all(app.over for app in self.apps) and len(self.apps) == self.plan.sessions:
            self._say_once("over")

    def _say_live(self) -> None:
        self._say_once("live", live=sum(app.live and not app.over for app in self.apps))

    def _say_once(self, event: str, **fields: Any) -> None:
        if event not in self._said:
            self._said.add(event)
            say(event=event, failures=self.tally.failures[:5], **fields)

    def _command(self, line: str) -> None:
        if line == "mark":
            say(**self.tally.mark())
        elif line == "delays":
            # Later than half a frame is a missed beat.
            say(**self.tally.delays(self.plan.frame_ms * 500_000))
        elif line == "hurry":
            for app in self.apps:
                app.hurried = True
        elif line == "hush":
            for app in self.apps:
                app.silent = True
        elif line == "stop":
            for app in self.apps:
                app.stop()


def main() -> None:
    """Run as a process of its own."""
    # Line by line below the buffer of sys.stdin: what follows the plan is the loop's to read.
    sys.stdin = os.fdopen(0, "r", buffering=1, closefd=False)
    Load(Plan(**json.loads(sys.stdin.readline()))).run()


if __name__ == "__main__":
    main()
