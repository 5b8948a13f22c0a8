"""Every refusal has one shape, also the framework's; no fault is ever shown."""

import logging

import pytest
import trio
import trio.testing

from tests.conftest import DeclaredErrors
from tests.routes.world import CREDENTIALS, World, refusal


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/static/x", 404, "not_found"),
        ("GET", "/auth/login", 405, "method_not_allowed"),
        ("DELETE", "/account/me", 405, "method_not_allowed"),
        ("BREW", "/health", 405, "method_not_allowed"),
    ],
)
async def test_framework(method: str, path: str, status: int, code: str) -> None:
    """Wrong addresses and methods are answered in JSON."""
    assert await refusal(await World().ask(path, method)) == (status, code)


async def test_allow() -> None:
    """A 405 names the methods there are (RFC 9110, section 15.5.6)."""
    response = await World().ask("/auth/login")
    assert "POST" in response.headers["Allow"]
    message = (await response.get_json())["error"]["message"]
    assert message == f"This address takes {', '.join(sorted(response.allow))}."


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/jsonp",
        "application/json\xff",
        ";;;",
    ],
)
async def test_content_type(content_type: str) -> None:
    """Only JSON is read; a page's form can't post here."""
    response = await World().ask(
        "/auth/login", "POST", data=b"{}", headers={"Content-Type": content_type}
    )
    assert await refusal(response) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "Application/JSON"])
async def test_content_type_spellings(content_type: str) -> None:
    """JSON is JSON, with its one charset or without."""
    response = await World().ask(
        "/auth/login", "POST", data=b"{}", headers={"Content-Type": content_type}
    )
    assert await refusal(response) == (422, "missing_field")


async def test_body_too_large() -> None:
    """A body past 64 KiB is refused with that, whether its length was announced or not."""
    world = World()
    body = {**CREDENTIALS, "more": "x" * 65_536}
    assert await refusal(await world.post("/auth/login", body)) == (413, "body_too_large")
    client = world.app.test_client()
    async with client.request(
        "/auth/login", method="POST", headers={"Content-Type": "application/json"}
    ) as connection:
        for _ in range(17):
            await connection.send(b" " * 4096)
        response = await connection.as_response()
    assert await refusal(response) == (413, "body_too_large")
    assert "65,536 bytes" in (await response.get_json())["error"]["message"]


async def test_body_too_slow(autojump_clock: trio.testing.MockClock) -> None:
    """A body that does not come is waited for ten seconds."""
    client = World().app.test_client()
    async with client.request(
        "/auth/login", method="POST", headers={"Content-Type": "application/json"}
    ) as connection:
        await connection.send(b"{")
        response = await connection.as_response()
    assert await refusal(response) == (408, "request_timeout")
    assert trio.current_time() == 10


@pytest.mark.parametrize(
    "fault",
    [RuntimeError("secret detail"), ExceptionGroup("several", [RuntimeError("secret detail")])],
)
async def test_fault(
    fault: Exception, caplog: pytest.LogCaptureFixture, declared_errors: DeclaredErrors
) -> None:
    """A bug is one ERROR in the log with its traceback, and «internal error» to the client."""
    world = World()
    pair = await world.register()
    world.wallet.fault = fault
    response = await world.ask("/billing/balance", token=pair["token"])
    assert await refusal(response) == (500, "internal_error")
    assert b"secret detail" not in await response.get_data()
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert errors[0].exc_info is not None
    assert errors[0].name == "relayd.routes.app"
    declared_errors.expect("unexpected exception in a route")


async def test_no_redirects() -> None:
    """A slash more or less is no reason to send a client elsewhere."""
    world = World()
    for path in ["/health/", "/health/live/"]:
        assert (await world.ask(path)).status_code == 200


async def test_two_apps() -> None:
    """Two apps in one process share nothing."""
    one, other = World(requests_per_minute=1), World(requests_per_minute=1)
    await one.post("/auth/login", {})
    assert (await one.post("/auth/login", {})).status_code == 429
    assert (await other.post("/auth/login", {})).status_code == 422
