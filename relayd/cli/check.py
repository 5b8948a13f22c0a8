"""`relayd check`: is all well, and if not, what to do."""

import argparse
import io
import os
from typing import TYPE_CHECKING

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import quiet
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json, load
from relayd.cli.toolkit.output import print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relayd.checks import Finding

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `check`."""
    command = add_command(
        subparsers,
        "check",
        _run,
        summary="validate the configuration, and try everything that it names",
        details=(
            "Validate the configuration, judge what it opens to whom, then try what it names:\n"
            "certificate, Stripe, mail, the store of recordings, database, engine. Says which\n"
            "engine serves and why, and what each model for recordings costs and earns. With\n"
            "Deepgram it opens one stream and sends no audio, which costs nothing; of Stripe it\n"
            "only reads, no mail is sent, and what it puts into an object store it removes.\n"
            "The schema is tried on an empty database and undone; nothing is migrated. The\n"
            "embedded database is made if it is not there yet."
        ),
        examples=(
            "  relayd check\n"
            "  relayd check --offline\n"
            "  relayd check --config /etc/relayd/relayd.toml --json"
        ),
    )
    command.add_argument(
        "--offline",
        action="store_true",
        help="leave out what needs a network: Deepgram, Stripe, mail, an object store, a PostgreSQL"
        " of yours",
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    from functools import partial

    import attrs
    import trio

    from relayd import logs
    from relayd.checks import look

    quiet()
    config = load(arguments)
    # What goes wrong becomes a finding: in the log it would only stand a second time.
    logs.configure("error", "text", io.StringIO())
    findings = trio.run(partial(look, config, os.environ, offline=arguments.offline))
    well = all(one.well for one in findings)
    if arguments.json:
        print_json({"well": well, "findings": [attrs.asdict(one) for one in findings]})
    else:
        _show(findings)
    return Exit.OK if well else Exit.NOT_WELL


def _show(findings: "Sequence[Finding]") -> None:
    width = max(len(one.subject) for one in findings) + 2
    for one in findings:
        say(f"{'ok' if one.well else 'FAILED':<8}{one.subject:<{width}}{one.detail}")
        if one.remedy:
            say(f"{'':<{width + 8}}→ {one.remedy}")
