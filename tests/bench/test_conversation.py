"""Engine, peer and load as processes: what is said arrives, and is counted on either side."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from bench.certificate import Certificate, make_certificate
from bench.child import Child, child, module
from bench.load import Plan
from bench.relays import DIRECT, UVLOOP, peer
from bench.upstream import upstream

pytestmark = pytest.mark.system

PATIENCE = 20


@asynccontextmanager
async def conversing(name: str, certificate: Certificate | None) -> AsyncIterator[list[Child]]:
    """Engine and load, with this relay between them and two apps that speak."""
    with trio.fail_after(PATIENCE):
        async with (
            upstream(20, certificate) as engine,
            peer(name, engine) as (port, _),
            child(module("bench.load")) as load,
        ):
            tokens = () if name == DIRECT else ("somebody",)
            target = "/v1/listen" if name == DIRECT else "/ws/transcribe"
            await load.tell(json.dumps(attrs.asdict(Plan(port, target, 2, 20, 100, tokens))))
            assert await load.hear() == {"event": "live", "failures": [], "live": 2}
            yield [engine.process, load]
            await load.tell("stop")
            assert await load.hear() == {"event": "over", "failures": []}


@pytest.mark.parametrize("name", [UVLOOP, DIRECT])
async def test_what_was_said_is_heard(name: str, tmp_path: Path) -> None:
    """Each frame and each result once, under TLS where a relay is between, with their delays."""
    certificate = None if name == DIRECT else await make_certificate(tmp_path)
    async with conversing(name, certificate) as (engine, load):
        while (await load.ask("mark"))["results"] < 2:
            pass
        await engine.ask("mark")
        assert (await engine.ask("delays"))["p99_ms"] > 0
        await load.tell("hush")
        said = await load.ask("mark")
        while (heard := await engine.ask("mark"))["frames"] < said["frames"]:
            pass
        assert heard["frames"] == said["frames"]
        while (await load.ask("mark"))["results"] < heard["results"]:
            pass
        assert (await load.ask("mark"))["results"] == heard["results"]
