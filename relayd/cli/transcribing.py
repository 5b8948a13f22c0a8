"""One run of `relayd transcribe`: audio up at live pace, words on standard output.

The two halves of a session are two tasks. Whatever ends the audio (the recording's end, Ctrl-C,
a read error) ends only the audio: the last words are still read and written.
"""

import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TextIO

import attrs
import trio

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.live_line import LiveLine, clock
from relayd.client import messages
from relayd.client.errors import AudioError, ClientError, ConnectError, RefusedError, RequestError
from relayd.client.link import Deadlines
from relayd.client.pacing import Pace
from relayd.client.recording import BYTES_PER_SECOND, LOOK_AHEAD_CHUNKS
from relayd.client.resuming import ResumingStream, open_resuming_stream
from relayd.client.subtitles import Writer
from relayd.client.transport import Connect, dial
from relayd.speech.subtitles import clean

__all__ = ["Source", "Transcribing", "run"]

# After Ctrl-C, and after the audio's end, the last words must come by then.
_FINISH_SECONDS: Final = 15

# relayd's own wording says what to do; this is for a session_end that came without an error.
_ADVICE: Final = {
    "auth_failed": "sign in again: the token is wrong, expired or revoked",
    "auth_timeout": "the connection is too slow for the sign-in; try again",
    "insufficient_credits": "the account needs more credit",
    "bad_config": "change the option that it names",
    "too_many_sessions": "end another live session of this account first",
    "session_limit": "start again for the rest",
    "slow_client": "write the words somewhere faster",
    "upstream_unavailable": "try again shortly",
    "upstream_closed": "start again for the rest",
    "service_unavailable": "try again shortly",
    "server_draining": "the server restarts; start again in a moment",
}


class Source(Protocol):
    """Where audio comes from: a recording or a microphone."""

    name: str

    @property
    def total_seconds(self) -> float | None:
        """Its length, where it is known."""

    async def feed(self, chunks: trio.MemorySendChannel[bytes]) -> None:
        """Put the audio into the channel, then close it. Raises `AudioError`."""

    @property
    def loss(self) -> str:
        """How much of the sound was lost so far, and why; empty for none."""


@attrs.define(eq=False, kw_only=True)
class Transcribing:
    """What one run was asked to do, and how far it is."""

    server_url: str
    sign_in: Callable[[], Awaitable[str]]
    open_source: Callable[[], Awaitable[Source]]
    config: Mapping[str, Any]
    writer: Writer
    output: TextIO
    line: LiveLine
    # None: the source has a pace of its own.
    speed: float | None = 1.0
    quiet: bool = False
    connect: Connect = dial

    _pace: Pace = attrs.field(init=False, factory=lambda: Pace(BYTES_PER_SECOND))
    _source: Source = attrs.field(init=False)
    _ready: messages.Ready | None = attrs.field(init=False, default=None)
    _partial: str = attrs.field(init=False, default="")
    _stopping: bool = attrs.field(init=False, default=False)
    _listening: trio.CancelScope = attrs.field(init=False, factory=trio.CancelScope)
    _running: bool = attrs.field(init=False, default=False)

    async def run(self) -> Exit:
        """The whole run; every failure is told on standard error and becomes an exit code."""
        try:
            self._source = await self.open_source()
            token = await self.sign_in()
            deadlines = Deadlines(finish_seconds=_FINISH_SECONDS)

            async def signed_in() -> str:
                return token

            async with open_resuming_stream(
                self.server_url, signed_in, self.config, deadlines=deadlines, connect=self.connect
            ) as stream:
                self._begin(stream.ready)
                trouble = await self._relay(stream)
        except AudioError as error:
            return self._fail(Exit.USAGE, str(error))
        except RefusedError as error:
            return self._fail(Exit.NOT_WELL, _told(error.code, error.message))
        except RequestError as error:
            return self._fail(Exit.NOT_WELL, _told(error.code, error.message))
        except ClientError as error:
            what = "can't connect: " if isinstance(error, ConnectError) else ""
            return self._fail(Exit.UNREACHABLE, f"{what}{error}")
        return self._finish(stream, trouble)

    def stop(self) -> bool:
        """Stop the audio and let the last words come; False where there is nothing to wait for."""
        if self._stopping or not self._running:
            return False
        self._stopping = True
        self._listening.cancel(reason="no more audio is wanted")
        return True

    async def _relay(self, stream: ResumingStream) -> ClientError | None:
        """Both directions at once; returns what went wrong, so that no group hides it."""
        trouble: list[ClientError] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._speak, stream, trouble)
            try:
                async for message in stream:
                    self._hear(message)
            except ClientError as error:
                trouble.append(error)
            nursery.cancel_scope.cancel(reason="the session is over")
        self._write(self.writer.close())
        return trouble[0] if trouble else None

    async def _speak(self, stream: ResumingStream, trouble: list[ClientError]) -> None:
        self._running = True
        sending, receiving = trio.open_memory_channel[bytes](LOOK_AHEAD_CHUNKS)

        async def feed() -> None:
            try:
                await self._source.feed(sending)
            except AudioError as error:
                trouble.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed)
            while (chunk := await self._next(receiving)) is not None:
                # Outside of the scope that Ctrl-C cancels: a frame goes whole or not at all.
                if not await stream.send(chunk):
                    break
                self._draw()
            nursery.cancel_scope.cancel(reason="no more audio is wanted")
        await stream.stop()

    async def _next(self, chunks: trio.MemoryReceiveChannel[bytes]) -> bytes | None:
        """The next chunk when its time has come; None at the end, or when told to stop."""
        if self._stopping:
            return None
        with trio.CancelScope() as self._listening:
            try:
                chunk = await chunks.receive()
            except trio.EndOfChannel:
                return None
            await self._pace.wait(len(chunk))
            return chunk
        return None

    def _begin(self, ready: messages.Ready) -> None:
        if self.speed is None:
            # A microphone is live by itself; only what it lost while connecting could hurry.
            self.speed = 1000.0
        self._pace.speed = self.speed
        self._ready = ready
        total = self._source.total_seconds
        length = f" ({clock(total)})" if total is not None else ""
        engine = clean(f"{ready.engine} {ready.model}")
        self._note(
            f"{clean(self._source.name)}{length} → {self.server_url} · {engine}"
            f" · credit {clock(ready.seconds_remaining)}"
        )

    def _hear(self, message: messages.Message) -> None:
        match message:
            case messages.Transcript(is_final=True):
                self._partial = ""
                self._write(self.writer.add(message))
            case messages.Transcript(text=text):
                self._partial = text
            case messages.Interrupted():
                self._partial = ""
                self._note("the connection was lost; trying again")
            case messages.Ready():
                self._note("connected again")
            case messages.CreditsLow(seconds_remaining=seconds):
                self._note(f"only {clock(seconds)} of credit left")
            case messages.Error(fatal=False, message=text):
                self.line.note(f"relayd: the server says: {clean(text)}")
        self._draw()

    def _draw(self) -> None:
        at, total = self._pace.position_seconds, self._source.total_seconds
        position = f"{clock(at)} / {clock(total)}" if total is not None else clock(at)
        left = clock(0.0 if self._ready is None else self._ready.left_after(at))
        waiting = " · finishing" if self._stopping else ""
        self.line.show(
            f"{position} · {left} left{waiting}", f"{self.writer.unwritten} {self._partial}"
        )

    def _write(self, text: str) -> None:
        if text:
            self.line.clear()
            self.output.write(text)
            self.output.flush()

    def _note(self, text: str) -> None:
        if not self.quiet:
            self.line.note(text)

    def _finish(self, stream: ResumingStream, trouble: ClientError | None) -> Exit:
        self.line.clear()
        ending = stream.ending
        if ending is not None and ending.seconds_used is not None:
            left = ending.seconds_remaining
            told = "what is left can't be told now" if left is None else f"{clock(left)} left"
            self._note(f"{ending.seconds_used:.1f} s charged · {told}")
        if self._source.loss:
            self.line.note(f"relayd: {self._source.loss}")
        if stream.lost_seconds:
            self.line.note(f"relayd: {stream.lost_seconds:.1f} s could not be sent again")
        if isinstance(trouble, AudioError):
            return self._fail(Exit.USAGE, str(trouble))
        if trouble is not None:
            return self._fail(Exit.UNREACHABLE, f"the rest is missing: {trouble}")
        assert ending is not None
        if ending.reason == "completed":
            return Exit.INTERRUPTED if self._stopping else Exit.OK
        message = ending.error.message if ending.error is not None else ""
        return self._fail(Exit.NOT_WELL, _told(ending.reason, message))

    def _fail(self, code: Exit, text: str) -> Exit:
        self.line.note(f"relayd: {text}")
        return code


def _told(code: str, message: str) -> str:
    """The code and what to do about it: in the server's words, else in ours."""
    text = clean(message) if message != code else ""
    text = text or _ADVICE.get(code, "")
    return f"{clean(code)}: {text}" if text else clean(code)


async def run(job: Transcribing) -> Exit:
    """Run it under Ctrl-C: once stops the audio and waits for the last words, twice leaves."""
    code = Exit.INTERRUPTED
    unread = False

    async def watch(signals: Any, leaving: trio.CancelScope) -> None:
        async for _ in signals:
            if not job.stop():
                leaving.cancel(reason="interrupted")

    try:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch, signals, nursery.cancel_scope)
                code = await job.run()
                nursery.cancel_scope.cancel(reason="done")
    except* BrokenPipeError:
        unread = True
    job.line.clear()
    if unread:
        # Out of its group, as every command lets the program know that nobody reads on.
        raise BrokenPipeError
    return code
