"""Engine, peer and load as processes: what is said arrives, and is counted on either side."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from bench.certificate import make_certificate
from bench.child import Child, child, module
from bench.load import Plan
from bench.relays import DIRECT, UVLOOP, Upstream, peer

pytestmark = pytest.mark.system

PATIENCE = 20


@asynccontextmanager
async def conversing(name: str, frame_ms: int, tls: Path | None) -> AsyncIterator[list[Child]]:
    """Engine and load, with this relay between them and two apps that speak."""
    options, trusted = ["--frame-ms", str(frame_ms)], {}
    if tls:
        made = await make_certificate(tls)
        options += ["--certificate", str(made.certificate), "--key", str(made.key)]
        trusted = made.trusted()
    with trio.fail_after(PATIENCE):
        async with child(module("bench.engine", *options)) as engine:
            upstream = Upstream((await engine.hear())["port"], tls is not None, trusted)
            async with peer(name, upstream) as (port, _), child(module("bench.load")) as load:
                tokens = () if name == DIRECT else ("somebody",)
                target = "/v1/listen" if name == DIRECT else "/ws/transcribe"
                plan = Plan(port, target, 2, frame_ms, 100, tokens)
                await load.tell(json.dumps(attrs.asdict(plan)))
                assert await load.hear() == {"event": "live", "failures": [], "live": 2}
                yield [engine, load]
                await load.tell("stop")
                assert await load.hear() == {"event": "over", "failures": []}


@pytest.mark.parametrize("name", [UVLOOP, DIRECT])
async def test_what_was_said_is_heard(name: str, tmp_path: Path) -> None:
    """Each frame and each result once, under TLS where a relay is between, with their delays."""
    tls = None if name == DIRECT else tmp_path
    async with conversing(name, 20, tls) as (engine, load):
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
