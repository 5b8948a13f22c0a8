"""Everything that is looked at, in the order in which it is told."""

from collections.abc import Mapping, Sequence

from relayd.checks import certificate, database, engine, exposure, mail, recordings, sales, storage
from relayd.checks.finding import Finding
from relayd.config import Config
from relayd.engines.selection import LOCAL, choose_engine
from relayd.payments.selling.prices import plans_for_sale

__all__ = ["look"]


async def look(
    config: Config, environ: Mapping[str, str], *, offline: bool = False
) -> Sequence[Finding]:
    """Every finding. ``offline`` leaves out what needs a network: the embedded database doesn't."""
    findings = [
        *exposure.judge(config, environ),
        *certificate.judge(config.server),
        *sales.judge(config),
        *recordings.judge(config),
        storage.judge(config),
    ]
    if not offline and (store := await storage.reach(config)):
        findings.append(store)
    if config.stripe.sales and not offline:
        findings.append(await sales.reach(config.stripe, plans_for_sale(config)))
    if config.mail.on and not offline:
        findings.append(await mail.reach(config))
    if config.database.embedded or not offline:
        findings.extend(await database.judge(config.database))
    tried = [one for one in choose_engine(config).names if one in LOCAL or not offline]
    return [*findings, *[await engine.judge(config, name) for name in tried]]
