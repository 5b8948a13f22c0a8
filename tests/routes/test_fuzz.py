"""No body, however strange, makes a route answer with a fault."""

import json
from typing import Any

import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from tests.routes.world import World

ROUTES = ["/auth/register", "/auth/login", "/auth/refresh", "/auth/logout"]
NAMES = st.sampled_from(["email", "password", "refresh_token"]) | st.text(max_size=5)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.emails()
VALUES = st.recursive(
    LEAVES, lambda deeper: st.lists(deeper) | st.dictionaries(NAMES, deeper), max_leaves=5
)
BODIES = st.dictionaries(NAMES, VALUES) | VALUES


@pytest.fixture(scope="module")
def world() -> World:
    """One for all bodies: what one of them did to it, the next ones meet."""

    async def make() -> World:
        return World(requests_per_minute=1_000_000)

    return trio.run(make)


def _answer(world: World, path: str, raw: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    async def ask() -> tuple[int, Any]:
        given = {"Content-Type": "application/json"} | headers
        response = await world.ask(path, "POST", data=raw, headers=given)
        return response.status_code, await response.get_json()

    return trio.run(ask)


def _check(world: World, path: str, raw: bytes, headers: dict[str, str] | None = None) -> None:
    status, body = _answer(world, path, raw, headers or {})
    assert status < 500
    if status >= 400:
        assert set(body["error"]) == {"code", "message"}


@pytest.mark.parametrize("path", ROUTES)
@given(body=BODIES)
@example(body={"email": "\ud800", "password": "\ud800" * 8})
@example(body={"email": "a@b.example", "password": "\ufdfa" * 1024})
@example(body={"refresh_token": "\ud800" * 43})
def test_json(world: World, path: str, body: Any) -> None:
    """Whatever JSON says, the answer is a result or a refusal."""
    _check(world, path, json.dumps(body).encode())


@pytest.mark.parametrize("path", ROUTES)
@given(raw=st.binary())
def test_bytes(world: World, path: str, raw: bytes) -> None:
    """Nor does it matter whether it is JSON at all."""
    _check(world, path, raw)


@pytest.mark.parametrize("path", ROUTES)
@given(
    values=st.fixed_dictionaries(
        {},
        optional={
            "Authorization": st.text(st.characters(codec="latin-1")).map("Bearer ".__add__),
            "Content-Type": st.text(st.characters(codec="latin-1")),
            "X-Forwarded-For": st.text(st.characters(codec="latin-1")),
            "Content-Length": st.text(st.characters(codec="latin-1"), max_size=10),
            "Cookie": st.text(st.characters(codec="latin-1")),
        },
    )
)
def test_headers(world: World, path: str, values: dict[str, str]) -> None:
    """Nor what the headers are."""
    clean = {name: "".join(c for c in value if c not in "\r\n\0") for name, value in values.items()}
    _check(world, path, b"{}", clean)
