"""Deliveries over real sockets: once, twice, in reverse, late, never; and the levers for them."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import attrs
import h11
import httpx
import pytest
import stripe
import trio

from tests.stripe_standin import Manner, StandInStripe
from tests.stripe_standin.story import ordered

pytestmark = pytest.mark.system

SECONDS = 20
OF_A_PAYMENT = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]


@attrs.define(eq=False)
class Webhook:
    """An endpoint that takes what comes, but refuses the first few."""

    refusals: int = 0
    kinds: list[str] = attrs.field(factory=list)

    async def serve(self, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen on loopback; starts with the address."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        task_status.started(f"http://127.0.0.1:{port}/webhooks/stripe")
        await trio.serve_listeners(self._serve, listeners)

    async def _serve(self, stream: trio.SocketStream) -> None:
        connection, body, header = h11.Connection(h11.SERVER), b"", ""
        for event in await _request(stream, connection):
            if isinstance(event, h11.Request):
                header = dict(event.headers)[b"stripe-signature"].decode()
            elif isinstance(event, h11.Data):
                body += event.data
        parsed = stripe.Webhook.construct_event(body, header, "whsec_standin")
        status = 200
        if self.refusals:
            self.refusals -= 1
            status = 503
        else:
            self.kinds.append(parsed.type)
        await stream.send_all(
            b"HTTP/1.1 %d x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % status
        )
        await stream.aclose()


async def _request(stream: trio.SocketStream, connection: h11.Connection) -> Iterator[h11.Event]:
    events: list[h11.Event] = []
    while not events or not isinstance(events[-1], h11.EndOfMessage):
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(65_536))
        else:
            assert isinstance(event, h11.Event)
            events.append(event)
    return iter(events)


async def paid(manner: Manner, webhook: Webhook, attempts: int) -> StandInStripe:
    """A payment whose events are brought in a manner, until so many attempts were made."""
    stand_in = StandInStripe()
    stand_in.postman.manner = manner
    stand_in.postman.retry_seconds = 0.01
    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            stand_in.postman.url = await nursery.start(webhook.serve)
            await nursery.start(stand_in.serve)
            stand_in.account.checkout.pay(ordered(stand_in.account)["id"])
            if manner is Manner.LATE:
                stand_in.postman.late_seconds = SECONDS
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert webhook.kinds == []
                stand_in.postman.release()
            await stand_in.postman.until(lambda tried: len(tried) >= attempts)
            nursery.cancel_scope.cancel()
    return stand_in


@pytest.mark.parametrize(
    ("manner", "expected"),
    [
        (Manner.ONCE, OF_A_PAYMENT),
        (Manner.TWICE, [kind for kind in OF_A_PAYMENT for _ in range(2)]),
        (Manner.OUT_OF_ORDER, OF_A_PAYMENT[::-1]),
    ],
)
async def test_events_come_in_their_manner(manner: Manner, expected: list[str]) -> None:
    """In Stripe's order once, each twice, or the last one first."""
    webhook = Webhook()
    stand_in = await paid(manner, webhook, len(expected))
    assert webhook.kinds == expected
    assert all(one["pending_webhooks"] == 0 for one in stand_in.account.events)


async def test_late_events_come_when_they_are_released() -> None:
    """Nothing comes before, all of it after."""
    webhook = Webhook()
    await paid(Manner.LATE, webhook, len(OF_A_PAYMENT))
    assert sorted(webhook.kinds) == sorted(OF_A_PAYMENT)


async def test_a_refused_event_is_brought_again() -> None:
    """Anything but a 2xx is retried, and the others don't wait for it."""
    webhook = Webhook(refusals=2)
    stand_in = await paid(Manner.ONCE, webhook, len(OF_A_PAYMENT) + 2)
    assert sorted(webhook.kinds) == sorted(OF_A_PAYMENT)
    assert [one.status for one in stand_in.postman.attempts].count(503) == 2


async def test_the_command_says_where_it_is() -> None:
    """`python -m tests.stripe_standin --port 0` prints its address and serves there."""
    command = [sys.executable, "-m", "tests.stripe_standin", "--port", "0"]
    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            run = partial(trio.run_process, command, stdout=subprocess.PIPE, check=False)
            process = await nursery.start(run)
            line = (await process.stdout.receive_some(1000)).decode()
            url = line.removeprefix("stand-in Stripe listening on ").strip()
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                assert (await client.get("/control/state")).json()["sessions"] == []
            process.terminate()
    assert process.returncode == 0


async def test_the_levers_work_over_http() -> None:
    """A test in another process pays, loses, finds and brings events again."""
    stand_in, webhook = StandInStripe(), Webhook()
    key = ordered(stand_in.account)["id"]
    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            address = await nursery.start(webhook.serve)
            url = await nursery.start(stand_in.serve)
            async with httpx.AsyncClient(base_url=f"{url}/control/", trust_env=False) as levers:

                async def pull(path: str, **params: object) -> dict[str, object]:
                    response = await levers.post(path, json=params)
                    assert response.status_code == 200, response.text
                    answer: dict[str, object] = response.json()
                    return answer

                await pull("webhook", url=address)
                await pull("delivery", manner="never", types=["charge.succeeded"])
                assert (await pull(f"sessions/{key}/pay"))["status"] == "complete"
                await stand_in.postman.until(lambda tried: len(tried) == 3)
                await pull("redeliver")
                await stand_in.postman.until(lambda tried: len(tried) == 4)
                refund = await pull(f"sessions/{key}/refund", amount=100)
                await pull(f"refunds/{refund['id']}/failed")
                dispute = await pull(f"sessions/{key}/dispute")
                for step in ("withdraw", "reinstate", "won"):
                    await pull(f"disputes/{dispute['id']}/{step}")
                state = (await levers.get("state")).json()
                assert [one["status"] for one in state["disputes"]] == ["won"]
                assert (await levers.post("nothing", json={})).status_code == 404
                assert (await levers.post("delivery", json={})).status_code == 400
            nursery.cancel_scope.cancel()
    assert webhook.kinds[3] == "charge.succeeded"
