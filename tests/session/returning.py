"""A registry with one session whose app can come back, and the app's further connections."""

from collections.abc import Mapping
from typing import Any

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

from relayd.identity import Principal
from relayd.session.ports import Ledger, Ports
from relayd.session.registry import Sessions
from relayd.session.report import Report
from tests.fakes.client import FakeClient
from tests.session.audio import frame
from tests.session.world import TOKEN, World

__all__ = ["Returning"]


@attrs.define(eq=False)
class Returning:
    """Connections of one app to one registry, each a task of its own as in the daemon."""

    world: World
    nursery: trio.Nursery
    sessions: Sessions = attrs.field(init=False)
    clients: list[FakeClient] = attrs.field(factory=list)
    reports: list[Report] = attrs.field(factory=list)
    served: int = 0
    # Of some places; the others have the world's.
    ledgers: Mapping[str, Ledger] = attrs.field(factory=dict)
    # Who everybody is, from now on.
    stranger: Principal | None = None

    def __attrs_post_init__(self) -> None:
        self.sessions = self.registry("here")

    def registry(self, place: str) -> Sessions:
        """The sessions of a process of this name, on the same engine and ledger."""
        world = self.world
        ledger = self.ledgers.get(place, world.ledger)
        ports = Ports(self, world.engine, ledger, place=place, opens=world.count_opening)
        return Sessions(ports, world.limits, self.reports.append)

    async def authenticate(self, token: str) -> Principal | None:
        """The registry's Authenticator."""
        return self.stranger or await self.world.authenticate(token)

    @property
    def client(self) -> FakeClient:
        """The newest connection."""
        return self.clients[-1]

    async def connect(self, resume: object = True, **client: Any) -> FakeClient:
        """Open another connection and say who it is."""
        self.clients.append(FakeClient(**client))
        self.nursery.start_soon(self._serve, self.client)
        self.client.say(type="auth", token=TOKEN, config={}, resume=resume)
        await wait_all_tasks_blocked()
        return self.client

    async def come_back(self, received: int = 0, **client: Any) -> FakeClient:
        """Open another connection with what the first was told."""
        ready = self.clients[0].last("ready")
        return await self.connect({"token": ready["resume_token"], "received": received}, **client)

    async def speak(self, milliseconds: int) -> None:
        """Send so much audio in frames of a tenth of a second."""
        for _ in range(milliseconds // 100):
            self.client.speak(frame(100))
        await wait_all_tasks_blocked()

    def say(self, text: str, *, is_final: bool = True) -> None:
        """Have the engine say something."""
        self.world.engine.streams[-1].say(text, is_final=is_final)

    def heard(self) -> list[str]:
        """Every final result that any of the connections heard, in order."""
        return [
            message["text"]
            for client in self.clients
            for _, message in client.heard
            if message["type"] == "transcript" and message["is_final"]
        ]

    async def _serve(self, client: FakeClient) -> None:
        await self.sessions.serve(client, "192.0.2.1", self.world.manner.dialect())
        self.served += 1
