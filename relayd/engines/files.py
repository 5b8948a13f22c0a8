"""What recordings may be transcribed with: models by the names that callers use, and the engines.

The one place that knows every file engine. Opening it starts no process and asks nobody.
"""

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Final

import attrs

from relayd.config import Config
from relayd.engines.deepgram.files import open_deepgram_files
from relayd.engines.local.files import FileModel, LocalFiles
from relayd.engines.local.slots import Slots, open_slots
from relayd.engines.moonshine import MOONSHINE
from relayd.engines.openai_compatible.engine import open_openai_compatible
from relayd.engines.pretend.engine import Pretend
from relayd.engines.whispercpp import models as whispercpp
from relayd.errors import ConfigError
from relayd.speech.files import FileEngine, FileRequest
from relayd.speech.plan import ConfigRefusal
from relayd.speech.tariff import EVEN

__all__ = [
    "FileCandidate",
    "FileEngines",
    "Offered",
    "lacking",
    "offered",
    "open_file_engines",
    "rates",
    "set_up",
]


MOONSHINE_FILES: Final = FileModel(
    MOONSHINE.name, (sys.executable, "-m", "relayd.engines.moonshine.files"), ("en",)
)


# What makes each engine one that is set up; further servers are it by being named.
_SETTING_UP: Final = {
    "deepgram": "set engines.deepgram.api_key",
    "openai_compatible": "set engines.openai_compatible.url",
    whispercpp.NAME: f"install relayd with its extra {whispercpp.NAME}",
    MOONSHINE.engine: f"install relayd with its extra {MOONSHINE.engine}",
}


@attrs.frozen
class Offered:
    """A model that callers may ask for: its engines in the order in which they are tried."""

    name: str
    # An engine's name and that engine's own name of the model.
    engines: tuple[tuple[str, str], ...]
    # Milliseconds of credit for a second of audio.
    rate: int = 1000
    cents_per_minute: Decimal = Decimal(0)


@attrs.frozen
class FileCandidate:
    """An engine that can do what is asked, and how it is asked."""

    engine: FileEngine
    request: FileRequest


@attrs.frozen
class FileEngines:
    """The models on offer, and the engines that are open."""

    offered: tuple[Offered, ...]
    _engines: Mapping[str, FileEngine]

    @property
    def default(self) -> Offered:
        """For callers who name none."""
        return self.offered[0]

    def find(self, name: str) -> Offered | None:
        """The model of this name, in any case."""
        wanted = name.lower()
        return next((one for one in self.offered if one.name.lower() == wanted), None)

    def candidates(
        self, model: str, request: FileRequest, *, test: bool = False
    ) -> list[FileCandidate] | ConfigRefusal:
        """Who can do it, in the operator's order: at least one, or why nobody can.

        ``request.model`` is filled in for each engine. For a ``test`` it is the engine that
        pretends, whatever the model.
        """
        if test:
            return [FileCandidate(self._engines["pretend"], attrs.evolve(request, model="pretend"))]
        found = self.find(model)
        if found is None:
            names = " or ".join(one.name for one in self.offered)
            return ConfigRefusal("model", f"model {model} is not offered: ask for {names}")
        asked = [
            FileCandidate(self._engines[engine], attrs.evolve(request, model=theirs))
            for engine, theirs in found.engines
            if engine in self._engines
        ]
        able: list[FileCandidate] = []
        refusal = ConfigRefusal("model", f"model {model} is not available now")
        for one in asked:
            refused = one.engine.refusal(one.request)
            if refused is None:
                able.append(one)
            else:
                refusal = refused
        return able or refusal


def set_up(config: Config) -> frozenset[str]:
    """The engines for recordings that this configuration and this machine have."""
    engines = config.engines
    return frozenset(
        name
        for name, there in (
            ("deepgram", bool(engines.deepgram.api_key)),
            ("openai_compatible", bool(engines.openai_compatible.url)),
            (whispercpp.NAME, whispercpp.installed()),
            (MOONSHINE.engine, not MOONSHINE.missing),
            ("pretend", True),
            *((one.name, True) for one in engines.openai_servers),
        )
        if there
    )


def lacking(config: Config, engine: str, model: str) -> str | None:
    """What to do so that this engine can transcribe with its ``model``; None where it can.

    Which models a server has only the server knows.
    """
    if engine not in set_up(config):
        return _SETTING_UP[engine]
    if engine == MOONSHINE.engine and model != MOONSHINE_FILES.name:
        return f"write {engine}:{MOONSHINE_FILES.name}, the one model of Moonshine"
    if engine == whispercpp.NAME:
        here = whispercpp.file_models(config.engines.whispercpp, config.engines.files.slots)
        if model not in here:
            return (
                f"`relayd models fetch {model}`, which puts it into engines.whispercpp.directory"
                f" ({config.engines.whispercpp.directory})"
            )
    return None


def offered(config: Config) -> tuple[Offered, ...]:
    """What the configuration offers; without a list of its own, each model of each engine.

    Raises ConfigError for two models of one name.
    """
    if not config.models:
        return tuple(_each(config))
    names = [one.name.lower() for one in config.models]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ConfigError(f"models[{position}].name", "is the name of another model too")
    return tuple(
        Offered(one.name, _pairs(one.engines), one.rate, one.cents_per_minute)
        for one in config.models
    )


def rates(config: Config) -> Callable[[str], int]:
    """What a second of audio costs with a model, by its name in any case; EVEN for others."""
    rates = {one.name.lower(): one.rate for one in offered(config)}
    return lambda model: rates.get(model.lower(), EVEN.rate)


def _pairs(engines: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = (one.partition(":") for one in engines)
    return tuple((engine, model) for engine, _, model in pairs)


def _each(config: Config) -> Iterator[Offered]:
    engines, there = config.engines, set_up(config)
    if "deepgram" in there:
        model, cents = engines.deepgram.model, config.costs.engine_cents_per_minute
        yield Offered(model, (("deepgram", model),), cents_per_minute=cents)
    if "openai_compatible" in there:
        for model in engines.openai_compatible.models:
            yield Offered(model, (("openai_compatible", model),))
    for server in engines.openai_servers:
        for model in server.models:
            # Two servers may call a model alike.
            yield Offered(f"{server.name}/{model}", ((server.name, model),))
    if whispercpp.NAME in there:
        for model in whispercpp.file_models(engines.whispercpp, engines.files.slots):
            yield Offered(f"whisper-{model}", ((whispercpp.NAME, model),))
    if MOONSHINE.engine in there:
        yield Offered(MOONSHINE.engine, ((MOONSHINE.engine, MOONSHINE_FILES.name),))
    yield Offered("pretend", (("pretend", "pretend"),))


@asynccontextmanager
async def open_file_engines(config: Config) -> AsyncIterator[FileEngines]:
    """Every engine that is set up; leaving it ends their processes.

    Raises ConfigError.
    """
    settings = config.engines
    engines: dict[str, FileEngine] = {"pretend": Pretend()}
    async with AsyncExitStack() as stack:
        slots = await stack.enter_async_context(
            open_slots(settings.files.slots, settings.files.open_seconds)
        )
        there = set_up(config)
        if "deepgram" in there:
            engines["deepgram"] = await stack.enter_async_context(
                open_deepgram_files(settings.deepgram)
            )
        if "openai_compatible" in there:
            engines["openai_compatible"] = await stack.enter_async_context(
                open_openai_compatible(settings.openai_compatible)
            )
        for server in settings.openai_servers:
            engines[server.name] = await stack.enter_async_context(
                open_openai_compatible(server, name=server.name)
            )
        if MOONSHINE.engine in there:
            engines["moonshine"] = _local(
                config, slots, "moonshine", {MOONSHINE_FILES.name: MOONSHINE_FILES}
            )
        if whispercpp.NAME in there:
            found = whispercpp.file_models(settings.whispercpp, settings.files.slots)
            engines[whispercpp.NAME] = _local(config, slots, whispercpp.NAME, found)
        yield FileEngines(offered(config), engines)


def _local(config: Config, slots: Slots, name: str, models: Mapping[str, FileModel]) -> LocalFiles:
    files = config.engines.files
    return LocalFiles(name, models, slots, files.part_minutes * 60, files.stall_seconds)
