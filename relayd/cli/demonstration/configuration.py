"""The demo's configuration, made in code: loopback, any port, fresh secrets, nothing kept."""

import os
import secrets
from pathlib import Path

from relayd import config
from relayd.config import Config
from relayd.engines.selection import best_local

__all__ = ["demonstration_config", "engine_settings"]


def engine_settings(
    path: str | None, engine: str | None
) -> tuple[config.EngineChoice, config.Engines]:
    """What --config says of engines, else the local one: a key lying about is never spent."""
    if path is None:
        return config.EngineChoice(default=engine or best_local()), config.Engines()
    given = config.load(Path(path), os.environ)
    choice = given.engine if engine is None else config.EngineChoice(default=engine)
    return choice, given.engines


def demonstration_config(
    directory: Path, choice: config.EngineChoice, engines: config.Engines
) -> Config:
    """A whole configuration whose every trace is in this directory."""
    return Config(
        server=config.Server(listen=("127.0.0.1:0",)),
        database=config.Database(data_directory=directory / "database"),
        auth=config.Auth(secret=secrets.token_urlsafe(48), pepper=secrets.token_urlsafe(48)),
        engine=choice,
        engines=engines,
        metering=config.Metering(),
        limits=config.Limits(),
        log=config.Log(),
    )
