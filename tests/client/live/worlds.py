"""Both worlds that an engine may listen to, in memory: a relay, and Deepgram itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio
import trio.testing

from relayd.client.accounts import Accounts
from relayd.client.live.conversation import Conversation, Persistence
from relayd.client.live.credentials import Credentials
from relayd.client.live.news import Balance, News, Problem, Standing, State
from relayd.client.live.settings import Mode, Settings
from relayd.client.live.sources import Source, source_of
from relayd.client.live.tape import Tape
from relayd.client.live.vault import MemoryVault
from relayd.client.messages import Transcript
from relayd.client.transport import Address
from relayd.session.limits import SessionLimits
from tests.client.live.conftest import sound
from tests.standin import Script, StandIn
from tests.whole.stack import KEY, Stack, open_stack

__all__ = ["OPENERS", "World"]


@attrs.define(eq=False)
class World:
    """A source, the stand-in behind it, and what is told."""

    source: Source
    stand_in: StandIn
    nursery: trio.Nursery
    mode: Mode
    tape: Tape = attrs.field(factory=Tape)
    news: list[News] = attrs.field(factory=list)
    # The relay, where there is one, and the app's ends of its connections.
    stack: Stack | None = None
    streams: list[trio.abc.Stream] = attrs.field(factory=list)
    # Whether there is no way to it just now.
    away: bool = False

    @property
    def finals(self) -> list[str]:
        """The words so far."""
        return [one.text for one in self._heard if one.is_final and one.text]

    @property
    def _heard(self) -> list[Transcript]:
        return [one for one in self.news if isinstance(one, Transcript)]

    @property
    def states(self) -> list[State]:
        """How it stood, one after the other."""
        return [one.state for one in self.news if isinstance(one, Standing)]

    @property
    def ended(self) -> Standing:
        """The last standing."""
        return [one for one in self.news if isinstance(one, Standing)][-1]

    @property
    def problems(self) -> list[str]:
        """Codes of what went wrong."""
        return [one.code for one in self.news if isinstance(one, Problem)]

    @property
    def balances(self) -> list[float]:
        """The credit, as it was told."""
        return [one.seconds for one in self.news if isinstance(one, Balance)]

    async def talk(self, persistence: Persistence | None = None) -> None:
        """A conversation, to its end."""
        await Conversation(
            self.source, self.tape, self.news.append, persistence or Persistence(), lambda: 0.5
        ).run()

    async def speak(self, seconds: float) -> None:
        """Give sound at the pace of life, in blocks of 64 ms, then say that it was all."""
        for _ in range(round(seconds / 0.064)):
            self.tape.add(sound(0.064))
            await trio.sleep(0.064)
        self.tape.close()


@asynccontextmanager
async def managed(
    *scripts: Script, credit_ms: int = 600_000, token: str = "", limits: SessionLimits | None = None
) -> AsyncIterator[World]:
    """A real relay, with its ledger and the stand-in behind it."""
    async with open_stack(*scripts, credit_ms=credit_ms, limits=limits) as stack:
        settings = Settings(server_url="http://localhost", auth_token=token or stack.token)
        credentials = Credentials(Accounts("http://localhost"), MemoryVault(), settings.auth_token)
        streams: list[trio.abc.Stream] = []

        async def dial(address: Address) -> trio.abc.Stream:
            if world.away:
                raise OSError(111, "nobody there")
            streams.append(await stack.dial(address))
            return streams[-1]

        world = World(
            source_of(settings, credentials, dial),
            stack.stand_in,
            stack.nursery,
            Mode.MANAGED,
            stack=stack,
            streams=streams,
        )
        yield world


@asynccontextmanager
async def own_key(*scripts: Script, token: str = "") -> AsyncIterator[World]:
    """Deepgram with one's own key."""
    stand_in = StandIn(key=KEY, scripts=list(scripts) or [Script()])
    async with trio.open_nursery() as nursery:
        connect = stand_in.connector(nursery)

        async def dial(address: Address) -> trio.abc.Stream:
            return await connect()

        settings = Settings(
            mode=Mode.BYOK, byok_api_key=token or KEY, deepgram_url="http://localhost"
        )
        nobody = Credentials(Accounts(""), MemoryVault())
        yield World(source_of(settings, nobody, dial), stand_in, nursery, Mode.BYOK)
        nursery.cancel_scope.cancel()


OPENERS = {"managed": managed, "byok": own_key}
