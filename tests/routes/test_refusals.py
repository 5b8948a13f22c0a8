"""Every refusal that the document names can come, and comes as it says."""

from typing import Any

import pytest
import trio
import trio.testing

from relayd.routes.toolkit.problems import INTERNAL_ERROR
from tests.routes import refusing
from tests.routes.document import operations, validator
from tests.routes.recording import open_studio
from tests.routes.refusing import SIGNED, Call
from tests.routes.refusing_by_hand import BY_HAND
from tests.routes.refusing_keys import KEYS
from tests.routes.refusing_subscriptions import SUBSCRIPTIONS
from tests.routes.tills import Till, open_shop
from tests.routes.world import refusal

SCENARIOS = {**refusing.SCENARIOS, **KEYS, **SUBSCRIPTIONS, **BY_HAND}
# A bug's answer, which no request brings about; tests/routes/test_app.py makes one.
FAULT = INTERNAL_ERROR.code
# Needs its own clock: below.
SLOW = "request_timeout"
# Taken part by part, each under the edge's own deadline: tests/routes/toolkit/test_streamed.py.
STREAMED = {"PATCH /api/v1/uploads/{upload_id}", "POST /api/v1/uploads/{upload_id}"}


def documented() -> list[tuple[str, int, str]]:
    """Operation, status, code: whatever the document says can be refused."""
    return [
        (name, int(status), code)
        for name, operation in operations().items()
        for status, answer in operation["responses"].items()
        for media in answer.get("content", {}).values()
        for code in media.get("examples", {})
    ]


def call(name: str) -> Call:
    """The operation of this name."""
    method, path = name.split(" ", 1)
    return Call(method, path, operations()[name])


def check(name: str, status: int, body: Any) -> None:
    """The answer is the one that the document describes."""
    schema = operations()[name]["responses"][str(status)]["content"]["application/json"]["schema"]
    assert validator(schema).is_valid(body)


@pytest.mark.parametrize(
    ("name", "status", "code"), [one for one in documented() if one[2] not in {FAULT, SLOW}]
)
async def test_it_can_come(name: str, status: int, code: str) -> None:
    """Each documented status and code of an operation is what some request to it gets."""
    asked = call(name)
    own = f"{asked.operation['operationId']} {code}"
    response = await SCENARIOS[own if own in SCENARIOS else code](asked)
    assert await refusal(response) == (status, code)
    check(name, status, await response.get_json())
    headers = operations()[name]["responses"][str(status)].get("headers", {})
    missing = [
        one for one, has in headers.items() if has["required"] and one not in response.headers
    ]
    assert not missing


@pytest.mark.parametrize(
    "name", sorted({one[0] for one in documented() if one[2] == SLOW} - STREAMED)
)
async def test_a_slow_body(name: str, autojump_clock: trio.testing.MockClock) -> None:
    """An operation that reads a body waits for it no longer than it says."""
    asked = call(name)
    with open_studio() as studio:
        world = studio.world
        open_shop(world, Till())
        headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"} | SIGNED
        if asked.is_authenticated:
            headers["Authorization"] = f"Bearer {await asked.admitted(world)}"
        client = world.app.test_client()
        async with client.request(asked.path, method=asked.method, headers=headers) as connection:
            await connection.send(b"{")
            response = await connection.as_response()
    assert await refusal(response) == (408, SLOW)
    check(name, 408, await response.get_json())
