"""One run of `relayd demo`: the daemon in this process, and a client that really connects to it.

In this process rather than in a child: its context managers end the database, the engine's
workers and the socket whatever happens to the show, and no secret is written to a file.
"""

import secrets
import signal
import sys
import tempfile
import uuid
import wave
from importlib import resources
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from relayd import config, daemon
from relayd.cli.demonstration.configuration import demonstration_config
from relayd.cli.demonstration.text import Stage, invitation
from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.live_line import clock
from relayd.cli.toolkit.operator import find_user, opened
from relayd.client import (
    Accounts,
    ClientError,
    Error,
    Pace,
    Ready,
    RequestError,
    Stream,
    Transcript,
    open_stream,
)
from relayd.client.files import open_files
from relayd.engines.selection import LOCAL
from relayd.errors import RelaydError
from relayd.ledger.audit import audit
from relayd.ledger.outcomes import Discrepancy, label
from relayd.ledger.wallet import Wallet

__all__ = ["Demonstration", "run"]

EMAIL: Final = "demo@example.org"
CREDIT_MS: Final = 600_000
# A server that takes no recordings: their engine's packages are not installed.
_NO_FILES: Final = "batch_off"


@attrs.define(eq=False, kw_only=True)
class Demonstration:
    """What was asked for, and what the show has come to."""

    choice: config.EngineChoice
    engines: config.Engines
    keep: bool = False
    stage: Stage = attrs.field(factory=lambda: Stage(sys.stdout))
    password: str = attrs.field(factory=lambda: secrets.token_urlsafe(9), repr=False)
    code: Exit = Exit.INTERRUPTED
    interrupted: bool = False
    serving: trio.Event = attrs.field(init=False, factory=trio.Event)
    _stop: trio.Event = attrs.field(init=False, factory=trio.Event)
    _showing: trio.CancelScope = attrs.field(init=False, factory=trio.CancelScope)
    _address: str = attrs.field(init=False, default="")

    async def run(self, directory: Path) -> None:
        """Daemon and show. Raises what the daemon raises when it can't start."""
        made = demonstration_config(directory, self.choice, self.engines)
        async with trio.open_nursery() as nursery:

            async def serve() -> None:
                await daemon.run(made, started=self._started, stop=self._stop)
                nursery.cancel_scope.cancel(reason="the daemon has ended")

            nursery.start_soon(serve)
            nursery.start_soon(self._watch, nursery.cancel_scope)
            with self._showing:
                await self.serving.wait()
                await self._show(made)
            # In order: live sessions settle, then the database stops.
            self._stop.set()

    def _started(self, line: str) -> None:
        self._address = line.rsplit(maxsplit=1)[-1]
        self.serving.set()

    async def _watch(self, everything: trio.CancelScope) -> None:
        """Ctrl-C ends the show, and the daemon in order; a second one doesn't wait for that."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                self.interrupted = True
                if self._stop.is_set() or not self.serving.is_set():
                    everything.cancel(reason="interrupted")
                self._showing.cancel(reason="interrupted")
                self._stop.set()

    async def _show(self, made: config.Config) -> None:
        try:
            await self._perform(made)
        except ClientError as error:
            self.stage.say("failed", str(error))
            self.code = Exit.NOT_WELL
        if self.keep and self.code is Exit.OK:
            self.stage.write(invitation(self._address, EMAIL, self.password))
            await trio.sleep_forever()

    async def _perform(self, made: config.Config) -> None:
        tokens = await Accounts(self._address).register(EMAIL, self.password)
        await self._grant(made)
        spoken = _recording()
        wanted = {"encoding": "linear16", "sample_rate": 16_000, "interim_results": True}
        async with open_stream(self._address, tokens.access_token, wanted) as stream:
            self._introduce(stream.ready, len(spoken) / 32_000)
            trouble = await self._relay(stream, spoken)
        if trouble is not None:
            raise trouble
        assert stream.ending is not None
        if stream.ending.reason != "completed":
            told = stream.ending.error.message if stream.ending.error else stream.ending.reason
            raise ClientError(told)
        self.stage.gap()
        self.stage.say("charged", f"{stream.ending.seconds_used:.3f} s")
        left = stream.ending.seconds_remaining
        self.stage.say("left", "not known" if left is None else f"{left:.3f} s ({clock(left)})")
        await self._hand_in(tokens.access_token)
        self.code = Exit.OK
        self._judge(await self._audit(made))

    async def _hand_in(self, token: str) -> None:
        """The same recording as a file: queued, transcribed by the worker, fetched as words."""
        self.stage.gap()
        self.stage.live.show("  the same recording as a file …")
        with resources.as_file(resources.files("relayd.demo").joinpath("recording.wav")) as path:
            async with open_files(self._address, token) as files:
                try:
                    job = await files.wait((await files.send(path)).id)
                except RequestError as error:
                    if error.code != _NO_FILES:
                        raise
                    self.stage.say("file", error.message)
                    return
                words = await files.words(job.id, "txt")
        self.stage.say("file", f"the same recording, handed in whole: {job.status}")
        self.stage.say("words", words)
        self.stage.say("charged", f"{job.cost_seconds:.3f} s")

    async def _relay(self, stream: Stream, spoken: bytes) -> ClientError | None:
        """Audio up, words down; returns a lost connection so that no group hides it."""
        pace = Pace(32_000)

        async def speak() -> None:
            for start in range(0, len(spoken), 3200):
                chunk = spoken[start : start + 3200]
                await pace.wait(len(chunk))
                if not await stream.send(chunk):
                    return
                self.stage.listening(pace.position_seconds)
            await stream.stop()

        trouble: ClientError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(speak)
            try:
                async for message in stream:
                    self._hear(message)
            except ClientError as error:
                trouble = error
            nursery.cancel_scope.cancel(reason="the session is over")
        self.stage.live.clear()
        return trouble

    def _hear(self, message: Any) -> None:
        match message:
            case Transcript(is_final=True):
                self.stage.heard(message)
            case Transcript(text=text):
                self.stage.partial(text)
            case Error(fatal=False, message=text):
                self.stage.say("notice", text)

    def _introduce(self, ready: Ready, seconds: float) -> None:
        stage = self.stage
        where = " on this machine" if ready.engine in LOCAL else ""
        poor = " (to try relayd: its words are poor)" if ready.engine == "sphinx" else ""
        stage.say("engine", f"{ready.engine}, model {ready.model}{where}{poor}")
        stage.say("address", self._address)
        stage.say("account", f"{EMAIL}, {clock(ready.seconds_remaining)} of credit")
        stage.say("audio", f"a recording of {seconds:.1f} s, streamed live")
        stage.gap()

    async def _grant(self, made: config.Config) -> None:
        async with opened(made) as database:
            user = await find_user(database, made, EMAIL)
            key = str(uuid.uuid4())
            await Wallet(database).grant(user.id, CREDIT_MS, "demo", key)

    async def _audit(self, made: config.Config) -> tuple[Discrepancy, ...]:
        async with opened(made) as database:
            return tuple(await database.transact(audit))

    def _judge(self, findings: tuple[Discrepancy, ...]) -> None:
        self.stage.say("audit", "NOT balanced; the rows at fault:" if findings else "balanced")
        for finding in findings:
            self.stage.say("", label(finding))
            self.code = Exit.NOT_WELL


def _recording() -> bytes:
    """The spoken recording of the package, as raw 16 kHz mono PCM."""
    with (
        resources.files("relayd.demo").joinpath("recording.wav").open("rb") as file,
        wave.open(file) as audio,
    ):
        assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (16_000, 1, 2)
        return bytes(audio.readframes(audio.getnframes()))


async def run(demonstration: Demonstration) -> Exit:
    """Perform in a directory that is gone afterwards."""
    demonstration.stage.title("relayd demo", "a throw-away database, nothing is kept")
    demonstration.stage.live.show("  starting the daemon, its database and its engine …")
    with tempfile.TemporaryDirectory(prefix="relayd-demo-") as directory:
        try:
            await demonstration.run(Path(directory))
        except* RelaydError:
            # Ctrl-C reaches PostgreSQL's set-up too, as one of the terminal's processes.
            if not demonstration.interrupted:
                raise
    demonstration.stage.live.clear()
    return demonstration.code
