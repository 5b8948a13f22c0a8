"""The engine that serves, and why it is that one."""

from relayd.checks.finding import Finding
from relayd.config import Config
from relayd.engines.deepgram.engine import Deepgram
from relayd.engines.sphinx import engine as sphinx

__all__ = ["judge"]


async def judge(config: Config) -> Finding:
    """Open one stream of it, without audio, which costs nothing."""
    detail = f"{config.default_engine}, because {config.default_engine_reason}"
    if config.default_engine == "sphinx":
        problem = await sphinx.check(config.engines.sphinx)
    else:
        problem = await Deepgram(config.engines.deepgram).check()
    return Finding("engine", well=not problem, detail=detail, remedy=problem or "")
