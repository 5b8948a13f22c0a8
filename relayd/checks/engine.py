"""The engine that serves, and why it is that one."""

from relayd.checks.finding import Finding
from relayd.config import Config
from relayd.engines.selection import check_engine, choose_engine

__all__ = ["judge"]


async def judge(config: Config) -> Finding:
    """Open one stream of it, without audio, which costs nothing."""
    choice = choose_engine(config)
    detail = f"{choice.name}, because {choice.reason}"
    problem = await check_engine(choice.name, config.engines)
    return Finding("engine", well=not problem, detail=detail, remedy=problem or "")
