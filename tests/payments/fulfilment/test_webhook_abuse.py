"""Whatever anybody sends to the webhook: 400 or 413, never a 5xx, and nothing is booked."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from tests.conftest import DeclaredErrors
from tests.payments.market import Market, open_market
from tests.stripe_standin.postman import sign, signature

pytestmark = [
    pytest.mark.system,
    # The SDK gives httpx a text under a name that httpx would rather see for forms only.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

SECRET = "whsec_standin"
Bodies = Iterator[tuple[str, bytes]]
Headers = Iterator[tuple[str, str]]
LARGE = 10 * 2**20


def bodies(good: dict[str, Any]) -> Bodies:
    """Bodies that are signed as they should be, and are no event of ours."""
    yield "empty", b""
    yield "not UTF-8", b"\xff\xfe" + json.dumps(good).encode("utf-16-le")
    yield "broken UTF-8", json.dumps(good).encode()[:-1] + b"\xc3"
    yield "byte order mark", b"\xef\xbb\xbf" + json.dumps(good).encode()
    yield "no JSON", b"{"
    for value in ([], [good], None, True, 7, "text", {}, {"object": "event"}):
        yield f"JSON {value!r:.20}", json.dumps(value).encode()
    yield "nested", b"[" * 100_000
    yield "nested and closed", b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    yield "long number", b'{"id":' + b"9" * 10_000 + b"}"
    yield "not a number", b'{"object":"event","created":NaN}'
    yield "thin event", json.dumps({**good, "object": "v2.core.event"}).encode()
    for version in (None, "", "2020-08-27", 20261028, ["2026-10-28.endive"]):
        yield f"version {version}", json.dumps({**good, "api_version": version}).encode()
    yield "live mode", json.dumps({**good, "livemode": True}).encode()
    for name in ("id", "type", "data"):
        for value in (None, 7, [], {}, "", "\0", "\ud800", "x" * 5000, "'; DROP TABLE users; --"):
            yield f"{name} {value!r:.20}", json.dumps({**good, name: value}).encode()
    things: list[Any] = [None, [], "text", {}, {"id": None}, {"id": 7}, {"id": "\0"}, {"id": "../"}]
    for thing in things:
        event = {**good, "data": {"object": thing}}
        yield f"object {thing!r:.20}", json.dumps(event).encode()
    yield "without data", json.dumps({**good, "data": {}}).encode()


def headers(body: bytes, now: int) -> Headers:
    """Signatures that don't sign a good body, or not now."""
    good = signature(body, SECRET, now)
    yield "none", ""
    for text in ("t=", f"t={now}", f"t={now},v1", f"t={now},v1=", f"v1={good}", ",", "=", "t"):
        yield f"truncated {text:.20}", text
    yield "half", f"t={now},v1={good[:32]}"
    yield "no number", f"t=soon,v1={good}"
    yield "time with more behind it", f"t={now}=0,v1={good}"
    yield "two times", f"t={now - 4000},t={now},v1={good}"
    yield "old scheme", f"t={now},v0={good}"
    yield "another secret", f"t={now},v1={signature(body, 'whsec_other', now)}"
    yield "no secret", f"t={now},v1={signature(body, '', now)}"
    yield "several, none good", f"t={now},v1={'0' * 64},v1={'f' * 64}"
    yield "latin-1", f"t={now},v1=\xe9{good[1:]}"
    for off in (-86_400, -310, 310, 86_400):
        yield f"{off} s", f"t={now + off},v1={signature(body, SECRET, now + off)}"
    for time in (0, -now, 2**63, 10**400):
        yield f"time {time!s:.20}", f"t={time},v1={signature_at(body, time)}"
    yield "long", "t=1," * 4000


def signature_at(body: bytes, at: int) -> str:
    """A good signature of any time."""
    return signature(body, SECRET, at)


async def send(market: Market, body: bytes, header: str) -> int:
    """One POST; its status."""
    given = [(b"Stripe-Signature", header.encode("latin-1"))] if header else []
    answer = await market.client.post(market.webhook, content=body, headers=given)
    return answer.status_code


async def test_odd_messages_are_the_senders_mistake(
    database_url: str, declared_errors: DeclaredErrors
) -> None:
    """Every odd body and every odd header is answered by 400, and the daemon serves on."""
    async with open_market(database_url) as market:
        buyer = await market.register("jo@example.org")
        session_id = await buyer.order()
        market.stripe.account.checkout.pay(session_id)
        good = market.stripe.account.events[-1]
        now = market.stripe.account.records.now()
        answered: dict[str, int] = {}
        for name, body in bodies(good):
            header = f"t={now},v1={signature(body, SECRET, now)}"
            answered[f"body: {name}"] = await send(market, body, header)
        signed = sign(good, SECRET, now)
        for name, header in headers(signed.body, now):
            answered[f"header: {name}"] = await send(market, signed.body, header)
        assert {name: got for name, got in answered.items() if got != 400} == {}
        assert market.entries(buyer.user_id) == []
        # Several signatures, as while a secret is being replaced: one that fits is enough.
        several = signed.header.replace(",v1=", f",v1={'0' * 64},v1=")
        assert await send(market, signed.body, several) == 200
        assert (await market.client.get("/health")).status_code == 200
    declared_errors.expect_any("webhook rejected")


async def test_a_large_message_is_refused_before_it_is_read(database_url: str) -> None:
    """Ten megabytes, signed, with their length told and in chunks without: 413."""
    async with open_market(database_url) as market:
        body = b'{"object":"event","padding":"' + b"x" * LARGE + b'"}'
        now = market.stripe.account.records.now()
        header = {"Stripe-Signature": f"t={now},v1={signature(body, SECRET, now)}"}

        told = await market.client.post(market.webhook, content=body, headers=header)
        assert told.status_code == 413
        assert await chunked(market, body, header["Stripe-Signature"]) == 413
        assert (await market.client.get("/health")).status_code == 200


async def chunked(market: Market, body: bytes, header: str) -> int:
    """The same without a length, for as long as anybody listens; the status."""
    stream = await market.connect()
    await stream.send_all(
        b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Stripe-Signature: " + header.encode() + b"\r\n\r\n"
    )
    answer = bytearray()

    async def listen() -> None:
        while b"\r\n" not in answer:
            answer.extend(await stream.receive_some(4096) or b"HTTP/1.1 000 \r\n")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        with contextlib.suppress(trio.BrokenResourceError):
            for start in range(0, len(body), 65_536):
                part = body[start : start + 65_536]
                await stream.send_all(b"%x\r\n%b\r\n" % (len(part), part))
    await stream.aclose()
    return int(answer.split()[1])


async def test_a_message_cut_off_harms_nobody(database_url: str) -> None:
    """A sender that goes away in the middle of a body; the daemon serves on."""
    async with open_market(database_url) as market:
        stream = await market.connect()
        await stream.send_all(
            b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
        )
        await stream.aclose()
        assert (await market.client.get("/health")).status_code == 200
