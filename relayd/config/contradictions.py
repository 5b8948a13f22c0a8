"""Values that are right by themselves and wrong together."""

from relayd.config.whole import Config
from relayd.errors import ConfigError

__all__ = ["refuse"]


def refuse(config: Config) -> None:
    """Raise ConfigError for the first contradiction, naming the key to change."""
    _refuse_server(config)
    _refuse_timing(config)
    _refuse_engines(config)


def _refuse_server(config: Config) -> None:
    server = config.server
    if not server.listen:
        raise ConfigError("server.listen", 'needs an address, for example "127.0.0.1:8080"')
    if server.tls_certificate and not server.tls_key:
        raise ConfigError("server.tls_key", "is needed beside server.tls_certificate")
    if server.tls_key and not server.tls_certificate:
        raise ConfigError("server.tls_certificate", "is needed beside server.tls_key")


def _refuse_timing(config: Config) -> None:
    database, metering = config.database, config.metering
    if database.lock_seconds >= database.statement_seconds:
        raise ConfigError(
            "database.lock_seconds",
            f"must be below database.statement_seconds ({database.statement_seconds:g})",
        )
    if metering.flush_seconds >= metering.hold_seconds:
        raise ConfigError(
            "metering.flush_seconds",
            f"must be below metering.hold_seconds ({metering.hold_seconds}), or a hold would run "
            "out before it is renewed",
        )
    if metering.dead_seconds < 3 * metering.heartbeat_seconds:
        raise ConfigError(
            "metering.dead_seconds",
            "must be at least three times metering.heartbeat_seconds "
            f"({metering.heartbeat_seconds:g}), or a busy daemon would be taken for dead",
        )
    if metering.dead_seconds <= metering.lease_seconds:
        raise ConfigError(
            "metering.dead_seconds",
            "must be above metering.hold_seconds and metering.flush_seconds together "
            f"({metering.lease_seconds:g}), or a session could spend what was given back",
        )


def _refuse_engines(config: Config) -> None:
    sphinx = config.engines.sphinx
    if sphinx.workers_spare > sphinx.workers_max:
        raise ConfigError(
            "engines.sphinx.workers_spare",
            f"must not be above engines.sphinx.workers_max ({sphinx.workers_max})",
        )
    if config.engine.default == "deepgram" and not config.engines.deepgram.api_key:
        raise ConfigError(
            "engine.default",
            'is "deepgram", which needs engines.deepgram.api_key; set the key, or let "sphinx" '
            "stand in to try relayd",
        )
