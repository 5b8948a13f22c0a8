"""Values that are right by themselves and wrong together."""

from typing import Final

from relayd.config.forms import FILE_ENGINES, is_loopback
from relayd.config.whole import Config
from relayd.errors import ConfigError

__all__ = ["refuse"]

_DAY_MINUTES: Final = 1440


def refuse(config: Config) -> None:
    """Raise ConfigError for the first contradiction, naming the key to change."""
    _refuse_server(config)
    _refuse_lifetimes(config)
    _refuse_timing(config)
    _refuse_engines(config)
    _refuse_sales(config)
    _refuse_mail(config)
    _refuse_plans(config)


def _refuse_server(config: Config) -> None:
    server = config.server
    if not server.listen:
        raise ConfigError("server.listen", 'needs an address, for example "127.0.0.1:8080"')
    if server.tls_certificate and not server.tls_key:
        raise ConfigError("server.tls_key", "is needed beside server.tls_certificate")
    if server.tls_key and not server.tls_certificate:
        raise ConfigError("server.tls_certificate", "is needed beside server.tls_key")
    if server.trusted_proxies and not server.public_url:
        raise ConfigError(
            "server.public_url",
            "is needed beside server.trusted_proxies: it is the address that browsers know, and "
            'only pages of that address may open a stream, for example "https://relay.example.org"',
        )


def _refuse_lifetimes(config: Config) -> None:
    auth = config.auth
    most = min(auth.refresh_days, auth.sign_in_days) * _DAY_MINUTES
    if auth.access_minutes > most:
        raise ConfigError(
            "auth.access_minutes",
            f"must not be above {most}, the minutes of auth.refresh_days and auth.sign_in_days: a "
            "token never outlives its sign-in",
        )


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
    if metering.dead_seconds < config.beat_seconds:
        raise ConfigError(
            "metering.dead_seconds",
            "must be at least metering.heartbeat_seconds, database.pool_seconds and "
            f"database.statement_seconds together ({config.beat_seconds:g}): so long may pass "
            "between two beats of a daemon that lives",
        )
    if metering.dead_seconds <= metering.lease_seconds:
        raise ConfigError(
            "metering.dead_seconds",
            "must be above metering.hold_seconds and metering.flush_seconds together "
            f"({metering.lease_seconds:g}), or a session could spend what was given back",
        )


def _refuse_engines(config: Config) -> None:
    local = {"moonshine": config.engines.moonshine, "sphinx": config.engines.sphinx}
    for name, processes in local.items():
        if processes.workers_spare > processes.workers_max:
            raise ConfigError(
                f"engines.{name}.workers_spare",
                f"must not be above engines.{name}.workers_max ({processes.workers_max})",
            )
    if not config.engines.deepgram.models:
        raise ConfigError(
            "engines.deepgram.models", "is empty: name what apps may ask for, or leave it out"
        )
    _refuse_servers(config)
    if config.engine.default == "deepgram" and not config.engines.deepgram.api_key:
        raise ConfigError(
            "engine.default",
            'is "deepgram", which needs engines.deepgram.api_key; set the key, or leave this empty '
            "for an engine on this machine",
        )
    _refuse_list(config)


def _refuse_list(config: Config) -> None:
    named = config.engine.engines
    if named and config.engine.default:
        raise ConfigError("engine.default", "can't be said beside engine.engines: leave one out")
    if len(set(named)) < len(named):
        raise ConfigError("engine.engines", "names an engine twice")
    if "deepgram" in named and not config.engines.deepgram.api_key:
        raise ConfigError(
            "engine.engines", 'has "deepgram" in it, which needs engines.deepgram.api_key'
        )


def _refuse_servers(config: Config) -> None:
    servers = [one.name for one in config.engines.openai_servers]
    for position, server in enumerate(config.engines.openai_servers):
        place = f"engines.openai_servers[{position}]"
        if server.name in servers[:position]:
            raise ConfigError(f"{place}.name", f"{server.name!r} is taken by another")
        if not server.url:
            raise ConfigError(f"{place}.url", "is not set: where is this server?")
    known = [*FILE_ENGINES, *servers]
    for position, model in enumerate(config.models):
        for engine in model.engines:
            if engine.partition(":")[0] not in known:
                raise ConfigError(
                    f"models[{position}].engines",
                    f"{engine!r} names no engine; there are {', '.join(known)}",
                )


def _refuse_sales(config: Config) -> None:
    if config.stripe.sales and not config.stripe.webhook_secrets:
        raise ConfigError(
            "stripe.webhook_secrets",
            "is needed beside stripe.api_key: without it nobody could tell Stripe's messages from "
            "forged ones; Stripe shows it with the webhook endpoint",
        )
    if config.stripe.sales and not config.server.public_url:
        raise ConfigError(
            "server.public_url",
            "is needed beside stripe.api_key: it is where Stripe sends buyers back to, for example "
            '"https://relay.example.org"; what a request calls this server is not to be believed',
        )
    if config.stripe.sales and not config.packages:
        raise ConfigError("packages", "is empty, and stripe.api_key is set: name what is for sale")
    pro = config.plans.pro
    if pro.price_id and not (config.plans.on and config.stripe.sales and pro.minutes):
        raise ConfigError(
            "plans.pro.price_id",
            "needs plans.on = true, stripe.api_key and plans.pro.minutes above 0: what is paid for "
            "must be worth something",
        )
    known: set[str] = set()
    for position, package in enumerate(config.packages):
        if package.id in known:
            raise ConfigError(f"packages[{position}].id", f"{package.id!r} is taken by another")
        known.add(package.id)
        if package.currency != config.packages[0].currency:
            raise ConfigError(
                f"packages[{position}].currency",
                f"must be {config.packages[0].currency!r}, as in the first: [costs] can be "
                "compared with one currency only",
            )


def _refuse_mail(config: Config) -> None:
    mail = config.mail
    if not mail.on:
        return
    if not mail.sender:
        raise ConfigError("mail.sender", "is needed beside mail.host: mails come from somebody")
    if not config.server.public_url:
        raise ConfigError(
            "server.public_url",
            "is needed beside mail.host: links in mails lead there, for example "
            '"https://relay.example.org"',
        )
    if bool(mail.user) != bool(mail.password):
        missing = "mail.password" if mail.user else "mail.user"
        raise ConfigError(missing, "is needed beside the other one of mail.user and mail.password")
    if mail.encryption == "none" and not is_loopback(mail.host):
        raise ConfigError(
            "mail.encryption",
            'is "none", which sends links and the password unencrypted: use "starttls" or "tls" '
            '("none" only to loopback)',
        )


def _refuse_plans(config: Config) -> None:
    free = config.plans.free
    if config.plans.on and free.minutes and not (config.mail.on or free.unproven):
        raise ConfigError(
            "plans.free.unproven",
            "must be said where no mail is sent: nobody can prove an address, so that nobody would "
            "be given plans.free.minutes. true gives them to every account, and minutes = 0 to "
            "nobody",
        )
