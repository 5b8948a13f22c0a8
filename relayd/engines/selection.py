"""Which engine serves the streams: the one place that knows them all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from relayd.config import Engines
from relayd.speech.engine import Engine

__all__ = ["open_engine"]


@asynccontextmanager
async def open_engine(name: str, engines: Engines) -> AsyncIterator[Engine]:
    """Run the engine of this name (see ``Config.default_engine``) while entered.

    Raises MissingExtra where its packages are not installed, ConfigError for its settings.
    """
    # Imported here, so that a server without the extra `local` needs none of its packages.
    if name == "sphinx":
        from relayd.engines.sphinx.engine import open_sphinx  # noqa: PLC0415 - see above

        async with open_sphinx(engines.sphinx) as engine:
            yield engine
    else:
        from relayd.engines.deepgram.engine import Deepgram  # noqa: PLC0415 - see above

        assert name == "deepgram"
        yield Deepgram(engines.deepgram)
