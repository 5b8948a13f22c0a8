"""The whole daemon beside a stand-in Stripe, over real sockets, in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import attrs
import httpx
import psycopg
import trio
from psycopg.conninfo import conninfo_to_dict

from relayd import daemon
from relayd.config import load
from tests.stripe_standin import StandInStripe

__all__ = ["PRICE_ID", "SECRET", "Buyer", "Market", "open_market"]

SECRET: Final = "whsec_standin"
# What a plan may be sold for here.
PRICE_ID: Final = "price_pro"
SECONDS: Final = 60
# What a step in the background takes, with plenty to spare on a busy machine.
WAITING_SECONDS: Final = 15
STARTED: Final = "relayd listening on "


@attrs.define(eq=False)
class Buyer:
    """Somebody who is signed in."""

    client: httpx.AsyncClient
    user_id: UUID
    token: str

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request in their name."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.client.request(method, path, headers=headers, **more)

    async def order(self, package_id: str = "pack_500") -> str:
        """Begin a purchase; the Checkout Session."""
        answer = await self.ask("POST", "/billing/checkout", json={"package_id": package_id})
        assert answer.status_code == 200, answer.text
        session_id: str = answer.json()["checkout_session_id"]
        return session_id

    async def come_back(self, session_id: str) -> str:
        """What the page after paying is told."""
        answer = await self.ask("GET", f"/billing/purchases/{session_id}")
        assert answer.status_code == 200, answer.text
        status: str = answer.json()["status"]
        return status

    async def seconds(self) -> float:
        """What is there to be spent."""
        answer = await self.ask("GET", "/billing/balance")
        assert answer.status_code == 200, answer.text
        remaining: float = answer.json()["seconds_remaining"]
        return remaining

    async def wait_for(self, seconds: float) -> None:
        """Until so much is there; it comes of something in the background."""
        with trio.fail_after(WAITING_SECONDS):
            while await self.seconds() != seconds:
                pass


@attrs.define(eq=False)
class Market:
    """A daemon that sells, its Stripe, and a client of both."""

    url: str
    stripe: StandInStripe
    client: httpx.AsyncClient
    database_url: str

    @property
    def webhook(self) -> str:
        """Where Stripe's messages go."""
        return f"{self.url}/webhooks/stripe"

    async def connect(self) -> trio.SocketStream:
        """A connection to the daemon for whoever does not want to speak proper HTTP."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return await trio.open_tcp_stream(host, int(port))

    async def register(self, email: str) -> Buyer:
        """A fresh account."""
        body = {"email": email, "password": "correct horse battery staple"}
        answer = await self.client.post("/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        with psycopg.connect(self.database_url) as connection:
            query = "SELECT id FROM users WHERE email = %s"
            row = connection.execute(query, (email,)).fetchone()
        assert row is not None
        return Buyer(self.client, row[0], answer.json()["token"])

    def entries(self, user_id: UUID) -> list[tuple[str, int]]:
        """What was booked for somebody."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(
                "SELECT kind, amount_ms FROM usage_ledger WHERE user_id = %s ORDER BY id",
                (user_id,),
            ).fetchall()


@asynccontextmanager
async def open_market(database_url: str, **settings: str) -> AsyncIterator[Market]:
    """Open for business until left; no message of Stripe's is on its way yet."""
    stand_in = StandInStripe()
    stand_in.account.subscriptions.price(2900, key=PRICE_ID)
    stop, ended = trio.Event(), trio.Event()
    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            stripe_url = await nursery.start(stand_in.serve)
            environ = {
                "RELAYD_SERVER__LISTEN": "127.0.0.1:0",
                "RELAYD_SERVER__PROCESSES": "1",
                "RELAYD_SERVER__CONNECTIONS_PER_SECOND": "1000",
                "RELAYD_DATABASE__URL": _url(database_url),
                "RELAYD_AUTH__SECRET": "a secret of the tests, of 32 bytes or more",
                "RELAYD_AUTH__PEPPER": "a pepper of the tests, of 32 bytes or more",
                "RELAYD_AUTH__REQUESTS_PER_MINUTE": "1000",
                # `Buyer.wait_for` asks as often as it can.
                "RELAYD_LIMITS__REQUESTS_PER_USER": "100000",
                # Nobody speaks here; an engine that starts nothing is the cheapest.
                "RELAYD_ENGINES__DEEPGRAM__API_KEY": "unused",
                "RELAYD_SERVER__PUBLIC_URL": "https://relay.example.org",
                "RELAYD_STRIPE__API_URL": stripe_url,
                "RELAYD_STRIPE__API_KEY": stand_in.key,
                "RELAYD_STRIPE__WEBHOOK_SECRETS": SECRET,
            }
            config = load(None, environ | settings)

            async def serve(*, task_status: trio.TaskStatus[str]) -> None:
                await daemon.run(config, started=task_status.started, stop=stop)
                ended.set()

            url = (await nursery.start(serve)).removeprefix(STARTED).split()[0]
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS) as client:
                yield Market(url, stand_in, client, database_url)
            stop.set()
            await ended.wait()
            nursery.cancel_scope.cancel()


def _url(conninfo: str) -> str:
    """The same as a URL, which is what the configuration takes."""
    return "postgresql://?" + urlencode(conninfo_to_dict(conninfo))
