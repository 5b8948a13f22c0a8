"""The engines that serve streams, why these do, and what their models cost."""

from relayd.checks.finding import Finding
from relayd.config import Config
from relayd.engines.selection import check_engine, choose_engine

__all__ = ["judge"]


async def judge(config: Config, name: str) -> Finding:
    """Open one stream of it, without audio, which costs nothing."""
    choice = choose_engine(config)
    problem = await check_engine(name, config.engines)
    models = ", ".join(f"{one} rate {one.rate}" for one in config.engines.models_of(name))
    if len(choice.names) == 1:
        detail = f"{name}, because {choice.reason}; {models}"
        return Finding("engine", well=not problem, detail=detail, remedy=problem or "")
    first = name == choice.names[0]
    place = "takes streams first" if first else f"steps in for {choice.names[0]}"
    remedy = problem or ("" if first else _cheap(config, choice.names[0], name))
    return Finding(f"engine {name}", not problem, f"{place}; {models}", remedy)


def _cheap(config: Config, first: str, name: str) -> str:
    """What to know of an engine that costs more than the one for which it steps in."""
    agreed = min(one.rate for one in config.engines.models_of(first))
    own = max(one.rate for one in config.engines.models_of(name))
    if own <= agreed:
        return ""
    return (
        f"its rate is up to {own}, and a stream that {first} should have taken is charged at "
        f"most at that one's ({agreed} at least): the difference is yours"
    )
