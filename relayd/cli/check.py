"""`relayd check`: is all well, and if not, what to do."""

import argparse
import io
import ssl
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from relayd.cli.exits import Exit
from relayd.cli.operator import opened, quiet
from relayd.cli.options import Subparsers, add_command, add_config, add_json, load
from relayd.cli.output import print_json, say
from relayd.errors import DatabaseUnavailable, OperatorError

if TYPE_CHECKING:
    from relayd.config import Config
    from relayd.database.ports import Connection

__all__ = ["Finding", "add"]


@attrs.frozen
class Finding:
    """One thing looked at: how it stands, and what to do where it is not well."""

    subject: str
    well: bool
    detail: str
    remedy: str = ""


def add(subparsers: Subparsers) -> None:
    """Register `check`."""
    command = add_command(
        subparsers,
        "check",
        _run,
        summary="validate the configuration, try database and engine",
        details=(
            "Validate the configuration, then try what it names: certificate, database, engine.\n"
            "Says which engine serves and why. With Deepgram it opens one stream and sends no\n"
            "audio, which costs nothing. The schema is tried on an empty database and undone;\n"
            "nothing is migrated. The embedded database is made if it is not there yet."
        ),
        examples="  relayd check\n  relayd check --config /etc/relayd/relayd.toml --json",
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    import trio

    from relayd import logs

    quiet()
    config = load(arguments)
    # What goes wrong becomes a finding: in the log it would only stand a second time.
    logs.configure("error", "text", io.StringIO())
    findings = [*_configuration(config), *trio.run(_outside, config)]
    well = all(one.well for one in findings)
    if arguments.json:
        print_json({"well": well, "findings": [attrs.asdict(one) for one in findings]})
    else:
        width = max(len(one.subject) for one in findings) + 2
        for one in findings:
            say(f"{'ok' if one.well else 'FAILED':<8}{one.subject:<{width}}{one.detail}")
            if one.remedy:
                say(f"{'':<{width + 8}}→ {one.remedy}")
    return Exit.OK if well else Exit.NOT_WELL


def _configuration(config: "Config") -> Sequence[Finding]:
    where = str(config.path) if config.path else "the environment alone"
    findings = [Finding("configuration", well=True, detail=where, remedy=_exposure(config))]
    if config.server.tls_certificate and config.server.tls_key:
        findings.append(_certificate(config))
    return [*findings, *_sales(config)]


def _sales(config: "Config") -> Sequence[Finding]:
    from relayd.payments.margins import margins, problem

    where = f"on, through {config.stripe.api_url}"
    detail = where if config.stripe.sales else "off: stripe.api_key is not set"
    findings = [Finding("sales", well=True, detail=detail)]
    for margin in margins(config.packages, config.costs):
        well = config.costs.allow_loss or not margin.losing
        remedy = "" if well else problem(margin)
        subject = f"package {margin.package.id}"
        findings.append(Finding(subject, well=well, detail=str(margin), remedy=remedy))
    return findings


def _exposure(config: "Config") -> str:
    # A group is somebody's choice: `make install` lets the daemon's read what root owns.
    if config.path is None or not config.path.stat().st_mode & stat.S_IROTH:
        return ""
    return f"everybody on this machine can read it; if it holds secrets: chmod o= {config.path}"


def _certificate(config: "Config") -> Finding:
    certificate, key = config.server.tls_certificate, config.server.tls_key
    assert certificate is not None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "server.tls_certificate and server.tls_key must be readable PEM files of one pair"
        return Finding("certificate", well=False, detail=reason, remedy=remedy)
    return Finding("certificate", well=True, detail=str(certificate))


async def _outside(config: "Config") -> Sequence[Finding]:
    return [await _database(config), await _engine(config)]


async def _database(config: "Config") -> Finding:
    kind = "embedded" if config.database.embedded else "PostgreSQL"
    try:
        async with opened(config) as database:
            version, pending = await database.transact(_version_and_pending)
    except* (DatabaseUnavailable, OperatorError) as group:
        # Its text says what to do.
        found = Finding("database", well=False, detail=_first(group))
    else:
        found = _judged(kind, version, pending)
    return found


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


def _judged(kind: str, version: int, pending: Sequence[str]) -> Finding:
    detail = f"{kind}, version {version // 10_000}"
    if pending:
        detail += f", to be migrated: {', '.join(pending)}"
        remedy = "`relayd serve` will do it when it starts, or `relayd migrate` now"
        return Finding("database", well=True, detail=detail, remedy=remedy)
    return Finding("database", well=True, detail=f"{detail}, schema up to date")


def _version_and_pending(connection: "Connection") -> tuple[int, list[str]]:
    from relayd.database import migrate

    missing = migrate.rehearse(connection)
    return connection.info.server_version, [migration.name for migration in missing]


async def _engine(config: "Config") -> Finding:
    name = config.default_engine
    detail = f"{name}, because {config.default_engine_reason}"
    problem = await _problem(config)
    if problem:
        return Finding("engine", well=False, detail=detail, remedy=problem)
    return Finding("engine", well=True, detail=detail)


async def _problem(config: "Config") -> str | None:
    """What is wrong with the engine and what to do."""
    if config.default_engine == "sphinx":
        from relayd.engines.sphinx import engine

        return await engine.check(config.engines.sphinx)
    from relayd.engines.deepgram.engine import Deepgram

    return await Deepgram(config.engines.deepgram).check()
