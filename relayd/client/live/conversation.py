"""The core: one conversation with whoever makes the words, for as long as the app speaks.

A line that is cut is opened again, later each time, and what nobody was heard to have understood
is said again. An app that says nothing for long may lose its line too: it is opened again when
there is something to say.
"""

import random
from collections.abc import Callable
from typing import Final

import attrs
import trio

from relayd.client.errors import ConnectError, DisconnectedError, RefusedError
from relayd.client.live.news import Balance, Problem, Standing, State, Tell
from relayd.client.live.sources import Line, Source
from relayd.client.live.tape import BYTES_PER_SECOND, Tape
from relayd.client.live.wording import AGAIN, UNPROVEN, told
from relayd.client.messages import (
    CreditsLow,
    Error,
    Interrupted,
    Lost,
    Message,
    Ready,
    SessionEnd,
    Transcript,
)

__all__ = ["Conversation", "Persistence"]

# At most 250 ms a message, as the protocol advises.
_PIECE_BYTES: Final = BYTES_PER_SECOND // 4
# Engines take about 1.25 times live; less than this behind is no backlog.
_CATCH_UP_SPEED: Final = 1.25
_BACKLOG_BYTES: Final = BYTES_PER_SECOND
# Deepgram hangs up after ten seconds without a message.
_KEEPALIVE_SECONDS: Final = 5
# While words flow the credit is told this often.
_BALANCE_BYTES: Final = 5 * BYTES_PER_SECOND


@attrs.frozen
class Persistence:
    """How long to go on trying, in seconds."""

    # Before the first line was open: an address may simply be wrong.
    at_first: float = 20
    # After a stop, from one word to the next; reconnecting included.
    at_last: float = 8
    # Between attempts: doubled each time, shortened at random so that apps don't come together.
    between_least: float = 0.5
    between_most: float = 30
    # A line that lived so long was a good one: the next attempt comes soon again.
    good: float = 10


@attrs.define(eq=False)
class Conversation:
    """What is on the tape, said to a source; what comes of it, told."""

    source: Source
    tape: Tape
    tell: Tell
    persistence: Persistence = attrs.field(factory=Persistence)
    jitter: Callable[[], float] = random.random
    _listened: bool = attrs.field(init=False, default=False)
    _renewed: bool = attrs.field(init=False, default=False)
    _failures: int = attrs.field(init=False, default=0)
    _told_problem: str = attrs.field(init=False, default="")
    _told_lost_bytes: int = attrs.field(init=False, default=0)
    # Where on the tape the open line began; where its session did, and with what credit.
    _began: int = attrs.field(init=False, default=0)
    _counted_from: int = attrs.field(init=False, default=0)
    _ready: Ready = attrs.field(init=False)
    _fatal: Error | None = attrs.field(init=False, default=None)
    _heard_at: float = attrs.field(init=False, default=0.0)
    _spoke_at: float = attrs.field(init=False, default=0.0)

    async def run(self) -> None:
        """Until the tape is closed and all was heard, or it can't go on. Tells the end as well."""
        self.tell(Standing(State.CONNECTING))
        ended = Standing(State.ENDED, "The last words could not be fetched.", "disconnected")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._give_up_at_last, nursery.cancel_scope)
            ended = await self._talk()
            nursery.cancel_scope.cancel(reason="it ended")
        self.tell(ended)

    async def _talk(self) -> Standing:
        opened_at = trio.current_time()
        while True:
            code, message = await self._one_line()
            if code == "completed":
                return Standing(State.ENDED, told(code), code)
            if not await self._may_try_again(code):
                return self._refused(code, message)
            if not self._listened and trio.current_time() - opened_at > self.persistence.at_first:
                return self._refused(code, message)
            if self._has_nothing_to_say:
                return Standing(State.ENDED, told("completed"), "completed")
            if code not in UNPROVEN:
                await self._pause(code, message)

    async def _one_line(self) -> tuple[str, str]:
        """Open a line and use it up; why it ended, and in whose words."""
        opened_at: float | None = None
        self._fatal = None
        try:
            async with self.source.open() as line:
                opened_at = trio.current_time()
                self._begin(line)
                problem = await self._converse(line)
        except ConnectError as error:
            return "unreachable", str(error)
        except RefusedError as error:
            return error.code, error.message
        except DisconnectedError as error:
            return "disconnected", str(error)
        finally:
            if opened_at is not None and trio.current_time() - opened_at >= self.persistence.good:
                self._failures = 0
                self._renewed = False
        if problem is not None:
            return "disconnected", str(problem)
        ending = line.ending
        fatal = self._fatal or (ending.error if ending else None)
        return (ending.reason if ending else "disconnected"), (fatal.message if fatal else "")

    def _begin(self, line: Line) -> None:
        self._listened = True
        self._began = self.tape.rewind()
        self._listening(line.ready)

    def _listening(self, ready: Ready) -> None:
        self._told_problem = ""
        self._ready, self._counted_from = ready, self.tape.read_until
        self.tell(Standing(State.LISTENING))
        self._credit(ready.seconds_remaining)

    async def _converse(self, line: Line) -> Exception | None:
        """Speak and listen until the line ends; None where it ended in order."""
        problem: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._speak, line)
            try:
                async for message in line:
                    self._hear(message)
            except (DisconnectedError, RefusedError) as error:
                problem = error
            nursery.cancel_scope.cancel(reason="the line ended")
        if isinstance(problem, RefusedError):
            raise problem
        return problem

    async def _speak(self, line: Line) -> None:
        """Say what is on the tape, and while nothing comes, that somebody is there."""
        self._spoke_at = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_alive, line)
            await self._say_tape(line)
            nursery.cancel_scope.cancel(reason="all was said")

    async def _keep_alive(self, line: Line) -> None:
        """Say that somebody is there, after each pause. Wakes seldom, whatever the blocks do."""
        while True:
            await trio.sleep_until(self._spoke_at + _KEEPALIVE_SECONDS)
            if trio.current_time() >= self._spoke_at + _KEEPALIVE_SECONDS:
                self._spoke_at = trio.current_time()
                # Whether there still is somebody, the next sound will tell.
                await line.keepalive()

    async def _say_tape(self, line: Line) -> None:
        credit_due = self.tape.read_until + _BALANCE_BYTES
        while True:
            audio = await self.tape.read(_PIECE_BYTES)
            self._spoke_at = trio.current_time()
            if not audio:
                await line.stop()
                return
            if not await line.send(audio):
                return
            if self.tape.read_until >= credit_due:
                credit_due += _BALANCE_BYTES
                sent_bytes = self.tape.read_until - self._counted_from
                self._credit(self._ready.left_after(sent_bytes / BYTES_PER_SECOND))
            self._tell_of_lost()
            if self.tape.end - self.tape.read_until > _BACKLOG_BYTES:
                await trio.sleep(len(audio) / BYTES_PER_SECOND / _CATCH_UP_SPEED)

    def _hear(self, message: Message) -> None:
        self._heard_at = trio.current_time()
        match message:
            case Transcript():
                # The app's clock knows nothing of lines.
                later = self._began / BYTES_PER_SECOND
                self.tell(message.later_by(later) if later else message)
                if message.is_final and not message.channel:
                    heard_seconds = message.start + message.duration
                    self.tape.forget(self._began + _even(heard_seconds))
            case Interrupted():
                self._interrupted("disconnected", message.problem)
            case Lost():
                self._lost(message.seconds)
            case Ready():
                self._listening(message)
            case CreditsLow():
                self._credit(message.seconds_remaining, low=True)
            case SessionEnd():
                if message.seconds_remaining is not None:
                    self._credit(message.seconds_remaining)
            case Error():
                self._complained(message)
            case _:
                pass

    def _complained(self, error: Error) -> None:
        if error.fatal:
            self._fatal = error
        else:
            self.tell(Problem(error.message, error.code))

    async def _may_try_again(self, code: str) -> bool:
        """Whether another attempt may fare better."""
        if code in UNPROVEN:
            return not self._renewed and await self._renew()
        # After a cut the server may not have noticed yet that the old line is gone.
        return code in AGAIN or (code == "too_many_sessions" and self._listened)

    async def _renew(self) -> bool:
        self._renewed = True
        try:
            return await self.source.renew()
        except (ConnectError, DisconnectedError) as error:
            # Not asked yet, then.
            self._renewed = False
            await self._pause("unreachable", str(error))
            return True

    async def _pause(self, code: str, message: str) -> None:
        """Wait for the next attempt. Where nothing was lost, not before there is more to say."""
        if code == "idle_timeout" or self._nothing_waits:
            await self.tape.wait()
            self._told_problem = told(code, message)
        self._interrupted(code, message)
        longest = min(
            self.persistence.between_least * 2 ** min(self._failures, 16),
            self.persistence.between_most,
        )
        self._failures += 1
        await trio.sleep(longest * (0.5 + self.jitter() / 2))
        self._tell_of_lost()

    def _interrupted(self, code: str, message: str) -> None:
        """Tell that the line is away; the reason once, however many attempts fail by it."""
        words = told(code, message)
        if words != self._told_problem and not self._nothing_waits:
            self._told_problem = words
            self.tell(Problem(f"{words} ({message})" if message else words, code))
        self.tell(Standing(State.RECONNECTING, words, code))

    @property
    def _nothing_waits(self) -> bool:
        return self._listened and self.tape.end == self.tape.begin and not self.tape.closed

    @property
    def _has_nothing_to_say(self) -> bool:
        return self.tape.closed and self.tape.end == self.tape.begin

    async def _give_up_at_last(self, talking: trio.CancelScope) -> None:
        """Once no more audio comes, cancel what takes too long."""
        await self.tape.wait_closed()
        closed_at = trio.current_time()
        while True:
            deadline = max(closed_at, self._heard_at) + self.persistence.at_last
            if deadline <= trio.current_time():
                break
            await trio.sleep_until(deadline)
        talking.cancel(reason="the last words took too long")

    def _refused(self, code: str, message: str) -> Standing:
        # What refuses says it for people, and knows better than we why.
        words = message or told(code)
        self.tell(Problem(words, code))
        return Standing(State.ENDED, words, code)

    def _credit(self, seconds: float, *, low: bool = False) -> None:
        # Nobody counts what is not ours to sell.
        if seconds != float("inf"):
            self.tell(Balance(max(seconds, 0.0), low))

    def _tell_of_lost(self) -> None:
        lost = self.tape.lost_bytes - self._told_lost_bytes
        if lost:
            self._told_lost_bytes += lost
            self._lost(lost / BYTES_PER_SECOND)

    def _lost(self, seconds: float) -> None:
        words = f"{seconds:.1f} s of sound were lost: the connection was away for too long"
        self.tell(Problem(words, "sound_lost"))


def _even(seconds: float) -> int:
    """So much audio in bytes: whole samples."""
    return round(seconds * BYTES_PER_SECOND) // 2 * 2
