"""A stream of several reciters, from its first word to its last."""

from collections.abc import Sequence

import attrs
import trio

from relayd.engines.failover.engine import Failover
from relayd.speech.plan import StreamPlan
from relayd.speech.words import EngineChanged, Transcript, UpstreamEvent
from tests.fakes.reciter import Reciter

__all__ = ["Heard", "failover", "recite"]


def failover(*engines: Reciter) -> Failover:
    """These, in this order."""
    return Failover({one.name: one for one in engines})


@attrs.frozen
class Heard:
    """What a stream said."""

    events: list[UpstreamEvent]
    reported_ms: int | None

    @property
    def finals(self) -> list[Transcript]:
        """Its lasting results."""
        return [one for one in self.events if isinstance(one, Transcript) and one.is_final]

    @property
    def words(self) -> list[str]:
        """The words of these."""
        return [word.word for one in self.finals for word in one.words]

    @property
    def changes(self) -> list[EngineChanged]:
        """Every time that an engine went on."""
        return [one for one in self.events if isinstance(one, EngineChanged)]


async def recite(engine: Failover, pieces: Sequence[bytes]) -> Heard:
    """Send these pieces and hear the stream to its end."""
    plan = engine.plan({})
    assert isinstance(plan, StreamPlan)
    heard = Heard([], None)

    def take(event: UpstreamEvent) -> bool:
        heard.events.append(event)
        return True

    async with engine.open(plan) as upstream:
        async with trio.open_nursery() as nursery:

            async def listen() -> None:
                assert await upstream.receive(take) is None

            nursery.start_soon(listen)
            for piece in pieces:
                # What it says is read meanwhile.
                await trio.lowlevel.checkpoint()
                if not upstream.send_audio_at_once(piece):
                    await upstream.send_audio(piece)
            await upstream.finish()
        return attrs.evolve(heard, reported_ms=upstream.reported_ms)
